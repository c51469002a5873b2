# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
#
# One declarative call per target. A folder's library is named after the folder: node/timeline -> node_timeline.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

option(DVPE_FUZZ "Build the libFuzzer targets (clang only) instead of the tests" OFF)
set(DVPE_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them: address,undefined or thread")

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

# All flags stand here and nowhere else.
add_library(dvpe_flags INTERFACE)
target_include_directories(dvpe_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(dvpe_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wnull-dereference -Werror
  -fstack-protector-strong -fno-omit-frame-pointer)
target_compile_definitions(dvpe_flags INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_BEAST_USE_STD_STRING_VIEW SPDLOG_FMT_EXTERNAL)
if(NOT DVPE_SANITIZE AND NOT CMAKE_BUILD_TYPE STREQUAL Debug)
  target_compile_definitions(dvpe_flags INTERFACE _FORTIFY_SOURCE=2)
endif()
if(DVPE_SANITIZE)
  # Not vptr: it looks at objects with system calls that the conditioning sandbox refuses.
  target_compile_options(dvpe_flags INTERFACE -fsanitize=${DVPE_SANITIZE} -fno-sanitize=vptr -fno-sanitize-recover=all)
  target_link_options(dvpe_flags INTERFACE -fsanitize=${DVPE_SANITIZE})
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # GCC 12 reports these inside the standard library and Boost at -O2 (GCC bugs 105329, 105651, 108842).
  target_compile_options(dvpe_flags INTERFACE -Wno-null-dereference -Wno-restrict -Wno-maybe-uninitialized)
  if(DVPE_SANITIZE MATCHES thread)
    target_compile_options(dvpe_flags INTERFACE -Wno-tsan)
  endif()
endif()
target_link_options(dvpe_flags INTERFACE -pie -Wl,-z,relro,-z,now)
find_program(MOLD mold)
if(MOLD AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  target_link_options(dvpe_flags INTERFACE -fuse-ld=mold)
elseif(CMAKE_CXX_COMPILER_ID STREQUAL Clang)
  target_link_options(dvpe_flags INTERFACE -fuse-ld=lld)
endif()

set_property(GLOBAL PROPERTY dvpe_libraries "")
set_property(GLOBAL PROPERTY dvpe_tests "")

# dvpe_library(NAME node_timeline USES shared_base LIBS Boost::headers SOURCES cutter.cpp ...)
# USES names our own libraries (the allowed arrows, checked by tests/lint); LIBS names others'.
function(dvpe_library)
  cmake_parse_arguments(A "" "NAME" "USES;LIBS;SOURCES" ${ARGN})
  add_library(${A_NAME} STATIC ${A_SOURCES})
  target_link_libraries(${A_NAME} PUBLIC dvpe_flags ${A_USES} ${A_LIBS})
  set_property(GLOBAL APPEND PROPERTY dvpe_libraries ${A_NAME})
endfunction()

# dvpe_program(NAME dvpe-node USES ... SOURCES main.cpp): lands in <build>/bin.
function(dvpe_program)
  cmake_parse_arguments(A "" "NAME" "USES;LIBS;SOURCES" ${ARGN})
  add_executable(${A_NAME} ${A_SOURCES})
  target_link_libraries(${A_NAME} PRIVATE dvpe_flags ${A_USES} ${A_LIBS})
  set_target_properties(${A_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
endfunction()

# dvpe_test(NAME unit_node_timeline USES node_timeline SOURCES cutter_test.cpp [TIMEOUT 60] [LABELS unit])
# A GoogleTest program; one CTest entry per program keeps the suite quick. DVPE_SOURCE_DIR is defined for test data.
function(dvpe_test)
  cmake_parse_arguments(A "" "NAME;TIMEOUT" "USES;LIBS;SOURCES;LABELS" ${ARGN})
  if(NOT A_TIMEOUT)
    set(A_TIMEOUT 60)
  endif()
  add_executable(${A_NAME} ${A_SOURCES})
  target_link_libraries(${A_NAME} PRIVATE dvpe_flags ${A_USES} ${A_LIBS} GTest::gmock GTest::gtest_main)
  target_compile_definitions(${A_NAME} PRIVATE DVPE_SOURCE_DIR="${CMAKE_SOURCE_DIR}" DVPE_BINARY_DIR="${CMAKE_BINARY_DIR}")
  set_target_properties(${A_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${A_NAME} COMMAND ${A_NAME})
  set_tests_properties(${A_NAME} PROPERTIES TIMEOUT ${A_TIMEOUT} LABELS "${A_LABELS}"
    ENVIRONMENT "QT_QPA_PLATFORM=offscreen;TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/support/tsan.supp:ignore_noninstrumented_modules=1")
  set_property(GLOBAL APPEND PROPERTY dvpe_tests ${A_NAME})
endfunction()

# dvpe_bench(NAME bench_serve USES ...): a program in <build>/bench, run by ./dev bench.
function(dvpe_bench)
  cmake_parse_arguments(A "" "NAME" "USES;LIBS;SOURCES" ${ARGN})
  add_executable(${A_NAME} EXCLUDE_FROM_ALL ${A_SOURCES})
  target_link_libraries(${A_NAME} PRIVATE dvpe_flags ${A_USES} ${A_LIBS})
  target_compile_definitions(${A_NAME} PRIVATE DVPE_SOURCE_DIR="${CMAKE_SOURCE_DIR}" DVPE_BINARY_DIR="${CMAKE_BINARY_DIR}")
  set_target_properties(${A_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
endfunction()

# dvpe_fuzz(NAME fuzz_amf0 USES node_ingest SOURCES amf0_fuzz.cpp): corpus in tests/fuzz/corpus/<name without fuzz_>.
function(dvpe_fuzz)
  cmake_parse_arguments(A "" "NAME" "USES;LIBS;SOURCES" ${ARGN})
  add_executable(${A_NAME} ${A_SOURCES})
  target_link_libraries(${A_NAME} PRIVATE dvpe_flags ${A_USES} ${A_LIBS} -fsanitize=fuzzer)
  set_target_properties(${A_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
endfunction()

function(dvpe_summary)
  get_property(libraries GLOBAL PROPERTY dvpe_libraries)
  get_property(tests GLOBAL PROPERTY dvpe_tests)
  list(LENGTH libraries n)
  list(LENGTH tests m)
  message(STATUS "DVPE ${PROJECT_VERSION} ${CMAKE_BUILD_TYPE}: ${n} libraries, ${m} test programs; "
    "sanitizers [${DVPE_SANITIZE}]; ccache [${CCACHE}]; linker [${MOLD}]")
endfunction()
