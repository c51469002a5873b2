// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/overlay/text_engine.h"

#include <QFontDatabase>
#include <QGuiApplication>
#include <QImageReader>
#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

#include "shared/base/log.h"

namespace dvpe::overlay {
namespace {

std::atomic<bool> running_{false};

// Qt's own remarks (which font lacks tables for a script, what a damaged image says) are of use to developers only.
void toLog(QtMsgType type, const QMessageLogContext&, const QString& message) {
  if (type == QtFatalMsg) {
    spdlog::critical("qt: {}", message.toStdString());  // Qt ends the process after this
  } else {
    spdlog::debug("qt: {}", message.toStdString());
  }
}

}  // namespace

// QGuiApplication keeps references to argc and argv.
struct TextEngine::Impl {
  int argc = 1;
  char name[5] = "dvpe";
  char* argv[2] = {name, nullptr};
  std::unique_ptr<QGuiApplication> app;
  std::vector<int> fonts;
};

bool TextEngine::running() { return running_.load(); }

TextEngine::TextEngine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

TextEngine::~TextEngine() {
  for (const int id : impl_->fonts) QFontDatabase::removeApplicationFont(id);
  if (impl_->app) qInstallMessageHandler(nullptr);
  running_ = false;
}

base::Result<std::unique_ptr<TextEngine>> TextEngine::create(const std::filesystem::path& fontsFolder) {
  std::error_code ec;
  if (!std::filesystem::is_regular_file(fontsFolder / "fonts.conf", ec)) {
    return base::fail(base::ErrorCode::kNotFound, "the fonts folder has no fonts.conf: " + fontsFolder.string());
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(fontsFolder, ec)) {
    if (entry.path().extension() == ".ttf") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());  // the order of loading is part of the result
  if (running_.exchange(true)) return base::fail(base::ErrorCode::kConflict, "there already is a text engine");

  auto impl = std::make_unique<Impl>();
  if (!QCoreApplication::instance()) {
    if (!qEnvironmentVariableIsSet("QT_QPA_PLATFORM")) qputenv("QT_QPA_PLATFORM", "offscreen");
    qputenv("FONTCONFIG_FILE",
            QByteArray::fromStdString(std::filesystem::absolute(fontsFolder / "fonts.conf").string()));
    qInstallMessageHandler(toLog);
    impl->app = std::make_unique<QGuiApplication>(impl->argc, impl->argv);
  }
  QImageReader::setAllocationLimit(128);  // MiB; our own caps are checked before
  std::unique_ptr<TextEngine> engine(new TextEngine(std::move(impl)));
  for (const auto& file : files) {
    const int id = QFontDatabase::addApplicationFont(QString::fromStdString(file.string()));
    if (id < 0) return base::fail(base::ErrorCode::kInvalidInput, "not a usable font: " + file.filename().string());
    engine->impl_->fonts.push_back(id);
  }
  for (const char* family : {"Noto Sans", "Noto Serif", "DejaVu Sans Mono"}) {
    if (!QFontDatabase::hasFamily(QString::fromLatin1(family))) {
      return base::fail(base::ErrorCode::kNotFound,
                        std::string("the fonts folder lacks ") + family + ": " + fontsFolder.string());
    }
  }
  return engine;
}

}  // namespace dvpe::overlay
