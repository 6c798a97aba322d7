#!/usr/bin/env bash
# Verify the exported networks on a CUDA machine, in one command from a checkout:
#
#   tools/verify_cuda.sh [FOLDER]        FOLDER is build/cuda if not given
#
# Makes an environment in FOLDER/venv with onnxruntime-gpu, trains on the handwritten digits, exports
# every head in float32 and float16, and verifies each file with CUDAExecutionProvider and the CPU.
# For each file there is a page FOLDER/<name>.html and the numbers in FOLDER/<name>.json. The exit
# status is 0 only if every file was verified; a machine without a usable GPU is a failure.
#
# PYTHON=/path/to/python3 chooses the interpreter, PIP_ARGS adds arguments to pip (such as
# "--find-links DIR" on a machine without a network). CUDA and cuDNN come as NVIDIA's wheels, several
# gigabytes; RUNTIME=onnxruntime-gpu leaves them out where the machine has the right versions, and
# RUNTIME=onnxruntime-gpu==VERSION chooses a build for another CUDA.

set -euo pipefail

cd "$(dirname "$0")/.."
folder=${1:-build/cuda}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
python=$folder/venv/bin/python

if ! command -v nvidia-smi >/dev/null || ! nvidia-smi >"$folder/nvidia-smi.txt"; then
  echo "verify_cuda: nvidia-smi finds no GPU on this machine" >&2
  exit 1
fi

# The newest onnxruntime-gpu is built for CUDA 13, whose first driver is 580; 1.26 is the last for CUDA 12.
driver=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader | head -n 1)
if [ "${driver%%.*}" -ge 580 ]; then
  runtime='onnxruntime-gpu[cuda,cudnn]>=1.27'
else
  runtime='onnxruntime-gpu[cuda,cudnn]>=1.20,<1.27'
fi

if [[ ! -e $folder/venv/installed ]]; then
  "${PYTHON:-python3}" -m venv --clear "$folder/venv"
  # The extra onnx would bring the CPU build, which shadows the GPU build: both install one package.
  # shellcheck disable=SC2086  # PIP_ARGS is a list of arguments
  "$python" -m pip install --quiet ${PIP_ARGS:-} --constraint constraints.txt \
    ".[plot,cli]" onnx "${RUNTIME:-$runtime}"
  touch "$folder/venv/installed"
else
  # What is verified is the checkout as it is now, not as it was when the environment was made.
  # shellcheck disable=SC2086
  "$python" -m pip install --quiet ${PIP_ARGS:-} --no-deps --force-reinstall .
fi

exec "$python" tools/verify_cuda.py "$folder"
