"""
What this process runs on: the build and its C library, threads, instruction set, optional packages.

In come the environment and numbers of threads. Out come settings of the core, facts about this
installation, and the packages that an extra brings, or an error that says what is missing.
"""
