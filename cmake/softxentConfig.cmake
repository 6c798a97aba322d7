# find_package(softxent) defines the target softxent::softxent.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
include(${CMAKE_CURRENT_LIST_DIR}/softxentTargets.cmake)
