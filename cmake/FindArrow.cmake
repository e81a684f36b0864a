# Arrow C++ out of the pyarrow wheel in .venv: the wheel carries headers and shared
# objects and no CMake files. libarrow_compute, libarrow_dataset and libre2 are not
# offered on purpose (docs/dependencies.md).
file(GLOB _pyarrow_dirs ${CMAKE_SOURCE_DIR}/.venv/lib/python3*/site-packages/pyarrow)
if(VECFERRY_PYARROW_DIR)
  set(_pyarrow_dirs ${VECFERRY_PYARROW_DIR})
endif()
find_path(Arrow_INCLUDE_DIR arrow/api.h PATHS ${_pyarrow_dirs} PATH_SUFFIXES include NO_DEFAULT_PATH)
get_filename_component(_arrow_root "${Arrow_INCLUDE_DIR}" DIRECTORY)
file(GLOB _arrow_so ${_arrow_root}/libarrow.so.[0-9]*)
list(SORT _arrow_so)
if(_arrow_so)
  list(GET _arrow_so 0 Arrow_LIBRARY)
endif()
# Their soname files carry the same number: ABI of one Arrow release.
string(REPLACE libarrow.so libparquet.so Arrow_PARQUET_LIBRARY "${Arrow_LIBRARY}")
string(REPLACE libarrow.so libarrow_s3.so Arrow_S3_LIBRARY "${Arrow_LIBRARY}")
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Arrow REQUIRED_VARS Arrow_LIBRARY Arrow_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "run scripts/setup: it installs pyarrow into .venv")
if(Arrow_FOUND AND NOT TARGET Arrow::arrow)
  add_library(Arrow::arrow SHARED IMPORTED)
  set_target_properties(Arrow::arrow PROPERTIES IMPORTED_LOCATION ${Arrow_LIBRARY})
  target_include_directories(Arrow::arrow SYSTEM INTERFACE ${Arrow_INCLUDE_DIR})
  foreach(_part PARQUET S3)
    string(TOLOWER ${_part} _name)
    if(EXISTS "${Arrow_${_part}_LIBRARY}")
      add_library(Arrow::${_name} SHARED IMPORTED)
      set_target_properties(Arrow::${_name} PROPERTIES IMPORTED_LOCATION ${Arrow_${_part}_LIBRARY})
      target_link_libraries(Arrow::${_name} INTERFACE Arrow::arrow)
    endif()
  endforeach()
endif()
# libparquet exports an OpenSSL and a simdjson of its own. The system's stand before it in every program, so that our calls reach those.
if(TARGET Arrow::parquet)
  set_target_properties(Arrow::parquet PROPERTIES INTERFACE_LINK_OPTIONS
    "SHELL:-Wl,--push-state,--no-as-needed -lsimdjson -lssl -lcrypto -Wl,--pop-state")
endif()
