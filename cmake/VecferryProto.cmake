# vf_proto(NAME FILES ...): a library vf_NAME of the C++ that protoc makes from .proto files of the calling folder.
# Its headers are included as "NAME/FILE.pb.h". Warnings in generated code are not ours.
function(vf_proto name)
  cmake_parse_arguments(ARG "" "" "FILES" ${ARGN})
  set(out ${CMAKE_BINARY_DIR}/generated/${name})
  file(MAKE_DIRECTORY ${out})
  set(sources)
  set(inputs)
  foreach(file ${ARG_FILES})
    get_filename_component(base ${file} NAME_WE)
    list(APPEND sources ${out}/${base}.pb.cc ${out}/${base}.pb.h)
    list(APPEND inputs ${CMAKE_CURRENT_SOURCE_DIR}/${file})
    get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR}/${file} DIRECTORY)
  endforeach()
  add_custom_command(OUTPUT ${sources}
    COMMAND protobuf::protoc -I ${folder} --cpp_out=${out} ${inputs}
    DEPENDS ${inputs} VERBATIM)
  add_library(vf_${name} STATIC ${sources})
  target_include_directories(vf_${name} SYSTEM PUBLIC ${CMAKE_BINARY_DIR}/generated ${out})
  target_link_libraries(vf_${name} PUBLIC protobuf::libprotobuf Threads::Threads)
  target_compile_options(vf_${name} PRIVATE -w)
endfunction()
