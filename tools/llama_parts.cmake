# The parts of llama.cpp that are not compiled, read by CMake at each of its projects: the library that is common to
# llama.cpp's own programs, which no Python module loads. tools/install.sh passes this file on.
set(LLAMA_BUILD_COMMON OFF)
