# Compiler, linker and cache settings that hold for every target.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

# Assertions stay on in the optimised build: no -DNDEBUG.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1 -fno-omit-frame-pointer")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1")
add_compile_options(-Wall -Wextra -Wpedantic -Werror=return-type -Wno-missing-field-initializers)

find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()

if(VECFERRY_SANITIZE)
  add_compile_options(-fsanitize=${VECFERRY_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${VECFERRY_SANITIZE})
endif()
if(VECFERRY_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
