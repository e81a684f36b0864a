# FAISS of the distribution: a static library that wants BLAS and the OpenMP runtime of the compiler that made it, which is GCC's
# whatever compiles us.
find_package(BLAS REQUIRED)
find_package(LAPACK REQUIRED)
find_library(Faiss_LIBRARY faiss)
find_path(Faiss_INCLUDE_DIR faiss/Index.h)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Faiss REQUIRED_VARS Faiss_LIBRARY Faiss_INCLUDE_DIR)
if(NOT TARGET Faiss::faiss)
  add_library(Faiss::faiss STATIC IMPORTED)
  set_target_properties(Faiss::faiss PROPERTIES IMPORTED_LOCATION ${Faiss_LIBRARY})
  target_include_directories(Faiss::faiss SYSTEM INTERFACE ${Faiss_INCLUDE_DIR})
  target_link_libraries(Faiss::faiss INTERFACE LAPACK::LAPACK BLAS::BLAS gomp)
endif()
