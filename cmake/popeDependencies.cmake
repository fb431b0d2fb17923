# What pope's libraries link to: included by the build and by the installed package. TORCH_DIR is the folder of
# libtorch.
include(CMakeFindDependencyMacro)
find_dependency(nlohmann_json)
find_dependency(yaml-cpp)
find_dependency(fmt)
find_dependency(Threads)
find_dependency(PkgConfig)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)

# FLINT and Arb: exact and certified arithmetic for the verifier. Debian's packages bring no CMake or pkg-config
# files.
find_path(FLINT_INCLUDE_DIR flint/fmpq.h REQUIRED)
find_path(ARB_INCLUDE_DIR arb.h PATH_SUFFIXES flint REQUIRED)
find_library(FLINT_LIBRARY flint REQUIRED)
find_library(ARB_LIBRARY NAMES flint-arb arb REQUIRED)
if(NOT TARGET pope::flint)
  add_library(pope::flint INTERFACE IMPORTED)
  target_include_directories(pope::flint INTERFACE "${FLINT_INCLUDE_DIR}" "${ARB_INCLUDE_DIR}")
  target_link_libraries(pope::flint INTERFACE "${ARB_LIBRARY}" "${FLINT_LIBRARY}" gmp)
endif()

# libtorch, in PyTorch's wheel site-packages/torch. The wheel's own CMake package insists on a CUDA toolkit, so
# the two libraries are named here.
if(NOT EXISTS "${TORCH_DIR}/lib/libtorch_cpu.so")
  message(FATAL_ERROR "libtorch not found in TORCH_DIR='${TORCH_DIR}'. Pass -DTORCH_DIR=, the folder that holds its "
    "include/ and lib/. pope's scripts/setup.sh fetches one.")
endif()
file(GLOB TORCH_OPENMP "${TORCH_DIR}/lib/libgomp*.so*")
if(NOT TARGET pope::torch)
  add_library(pope::torch INTERFACE IMPORTED)
  target_include_directories(pope::torch INTERFACE
    "${TORCH_DIR}/include" "${TORCH_DIR}/include/torch/csrc/api/include")
  target_link_libraries(pope::torch INTERFACE
    "${TORCH_DIR}/lib/libtorch_cpu.so" "${TORCH_DIR}/lib/libc10.so" ${TORCH_OPENMP})
  # Old tags: the program's RPATH, which CMake sets, then also serves the libraries that libtorch loads.
  target_link_options(pope::torch INTERFACE "LINKER:--disable-new-dtags" "LINKER:-rpath-link,${TORCH_DIR}/lib"
    "LINKER:--no-as-needed")
endif()
