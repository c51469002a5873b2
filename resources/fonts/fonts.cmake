# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
#
# The product's fonts: copied from Debian's packages when the build is configured, loaded by shared/overlay.
# The order and the choice are part of every overlay's bytes: change them only with a new product version.
set(DVPE_FONT_ROOT /usr/share/fonts/truetype CACHE PATH "Where the font packages of Debian put their files")

function(dvpe_product_fonts folder)
  set(files dejavu/DejaVuSansMono.ttf dejavu/DejaVuSansMono-Bold.ttf droid/DroidSansFallbackFull.ttf
    noto/NotoSansSymbols2-Regular.ttf)
  foreach(family Sans Serif NaskhArabic SerifHebrew SerifDevanagari
      SansArabic SansHebrew SansDevanagari SansBengali SansTamil SansTelugu SansGujarati SansKannada SansMalayalam
      SansGurmukhi SansSinhala SansThai SansLao SansKhmer SansMyanmar SansGeorgian SansArmenian SansEthiopic)
    list(APPEND files noto/Noto${family}-Regular.ttf noto/Noto${family}-Bold.ttf)
  endforeach()
  foreach(file ${files})
    get_filename_component(name ${file} NAME)
    string(MAKE_C_IDENTIFIER "DVPE_FONT_${name}" found)
    find_file(${found} ${name} PATHS ${DVPE_FONT_ROOT} PATH_SUFFIXES dejavu droid noto NO_DEFAULT_PATH)
    mark_as_advanced(${found})
    if(NOT ${found})
      message(FATAL_ERROR "The font ${name} is missing below ${DVPE_FONT_ROOT}. Install the packages "
        "fonts-noto-core, fonts-droid-fallback and fonts-dejavu-core, or set DVPE_FONT_ROOT.")
    endif()
    configure_file(${${found}} ${folder}/${name} COPYONLY)
  endforeach()
  configure_file(${CMAKE_SOURCE_DIR}/resources/fonts/fonts.conf ${folder}/fonts.conf COPYONLY)
endfunction()
