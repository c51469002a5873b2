# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
# Everything the project takes from Debian 12, found once.
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(OpenSSL 3 REQUIRED)
find_package(spdlog REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Qt6 6.4 REQUIRED COMPONENTS Core Gui Svg)
find_package(tomlplusplus REQUIRED)
find_package(CLI11 REQUIRED)
if(NOT DVPE_FUZZ)
  find_package(GTest REQUIRED)
endif()
pkg_check_modules(libav REQUIRED IMPORTED_TARGET libavformat libavcodec libswscale libswresample libavutil)
pkg_check_modules(x264 REQUIRED IMPORTED_TARGET x264)
pkg_check_modules(libpq REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(lmdb REQUIRED IMPORTED_TARGET lmdb)
pkg_check_modules(seccomp REQUIRED IMPORTED_TARGET libseccomp)
