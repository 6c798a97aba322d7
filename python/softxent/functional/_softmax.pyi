from ._signatures.softmax import log_softmax as log_softmax
from ._signatures.softmax import logsumexp as logsumexp
from ._signatures.softmax import softmax as softmax
