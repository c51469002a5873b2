// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "studio/features/rules/persona_panel.h"

#include <QComboBox>
#include <QDateTime>
#include <QFontDatabase>
#include <QJsonDocument>
#include <QPlainTextEdit>
#include <QVBoxLayout>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "shared/model/json.h"
#include "shared/rules/sql.h"
#include "studio/widgets/theme.h"

namespace dvpe::studio {

namespace json = boost::json;
using base::ErrorCode;
using base::Result;

namespace {

// Attributes, at the moment of asking.
class Somebody final : public rules::AttributeSource {
 public:
  explicit Somebody(rules::Attributes of) : of_(std::move(of)) {}
  const model::Value* find(std::string_view path) const override { return of_.find(path); }
  bool holds(std::string_view path) const override { return of_.holds(path); }
  bool consents(std::string_view purpose) const override { return of_.consents(purpose); }
  const std::vector<Entry>* entriesByPath() const override { return of_.entriesByPath(); }
  std::string_view identity() const override { return of_.identity(); }
  std::optional<base::WallTime> now() const override {
    return base::WallTime{std::chrono::milliseconds(QDateTime::currentMSecsSinceEpoch())};
  }

 private:
  rules::Attributes of_;
};

}  // namespace

Result<std::shared_ptr<const rules::AttributeSource>> readPersona(const QString& text) {
  boost::system::error_code error;
  const json::value read = json::parse(text.toStdString(), error);
  if (error || !read.is_object()) {
    return base::fail(ErrorCode::kInvalidInput, "expected {\"attributes\": {…}, \"consent\": […]}");
  }
  rules::Attributes out;
  out.setIdentity("somebody");
  if (const json::value* attributes = read.get_object().if_contains("attributes")) {
    DVPE_TRY(const auto value, model::parseValue(json::serialize(*attributes)));
    DVPE_CHECK(out.set("viewer", value));
  }
  if (const json::value* consent = read.get_object().if_contains("consent")) {
    if (!consent->is_array()) return base::fail(ErrorCode::kInvalidInput, "\"consent\": expected a list of purposes");
    for (const json::value& each : consent->get_array()) {
      if (!each.is_string()) return base::fail(ErrorCode::kInvalidInput, "\"consent\": expected names of purposes");
      DVPE_CHECK(out.consent(std::string_view(each.get_string())));
    }
  }
  return std::shared_ptr<const rules::AttributeSource>(std::make_shared<Somebody>(std::move(out)));
}

PersonaPanel::PersonaPanel(QWidget* parent)
    : QWidget(parent), who_(new QComboBox(this)), edit_(new QPlainTextEdit(this)), says_(new ToneLabel(this)) {
  auto* title = new QLabel(tr("&Try it on"), this);
  title->setBuddy(who_);
  who_->setObjectName(QStringLiteral("personaWho"));
  who_->setAccessibleName(tr("Try it on"));
  edit_->setObjectName(QStringLiteral("personaJson"));
  edit_->setAccessibleName(tr("The person as JSON"));
  edit_->setTabChangesFocus(true);
  edit_->setFont(QFontDatabase::systemFont(QFontDatabase::FixedFont));
  says_->setObjectName(QStringLiteral("personaSays"));
  says_->setWordWrap(true);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->addWidget(title);
  layout->addWidget(who_);
  layout->addWidget(edit_, 1);
  layout->addWidget(says_);
  connect(who_, &QComboBox::currentIndexChanged, this, [this] {
    const QString text = who_->currentData().toString();
    if (!text.isEmpty()) edit_->setPlainText(text);
  });
  connect(edit_, &QPlainTextEdit::textChanged, this, &PersonaPanel::read);
  setFields({});
}

void PersonaPanel::setFields(const std::vector<model::Field>& fields) {
  json::object known;
  json::array consent;
  for (const model::Field& field : fields) {
    if (field.path.rfind("viewer.", 0) != 0) continue;
    for (const std::string& purpose : {field.purpose, field.campaignPurpose}) {
      const bool there = std::find(consent.begin(), consent.end(), json::value(purpose)) != consent.end();
      if (!purpose.empty() && purpose != "none" && !there) consent.emplace_back(purpose);
    }
    const std::string name = field.path.substr(7);
    if (name.find('.') != std::string::npos) continue;
    boost::system::error_code error;
    if (!field.values.empty()) {
      known[name] = json::parse(rules::jsonOf(field.values.front()), error);
    } else if (!field.steps.empty()) {
      known[name] = json::parse(rules::jsonOf(field.steps.back()), error);
    } else if (name == "country") {
      known[name] = "DE";
    } else if (name == "language") {
      known[name] = "de";
    } else if (name == "interests") {
      known[name] = json::object{{"sports", 0.9}, {"news", 0.3}};
    }
  }
  const auto text = [](const json::object& of) {
    return QString::fromUtf8(QJsonDocument::fromJson(QByteArray::fromStdString(json::serialize(of))).toJson())
        .trimmed();
  };
  const int before = std::max(who_->currentIndex(), 0);
  const QSignalBlocker quiet(who_);
  who_->clear();
  who_->addItem(tr("Somebody who agreed to everything"), text({{"attributes", known}, {"consent", consent}}));
  who_->addItem(tr("The same, without any consent"), text({{"attributes", known}, {"consent", json::array{}}}));
  who_->addItem(tr("Somebody of whom nothing is known"), text({{"attributes", json::object{}}, {"consent", consent}}));
  who_->addItem(tr("Somebody of your own"), QString());
  who_->setCurrentIndex(before);
  if (before < 3) edit_->setPlainText(who_->currentData().toString());
}

QList<QWidget*> PersonaPanel::inOrder() const { return {who_, edit_}; }

void PersonaPanel::read() {
  const auto persona = readPersona(edit_->toPlainText());
  viewer_ = persona ? persona.value() : nullptr;
  if (persona) {
    says_->say(tr("Each rule and each part of the condition shows what it is for this person."), Tone::kQuiet);
  } else {
    says_->say(QString::fromStdString(persona.error().message), Tone::kBad);
  }
  emit viewerChanged();
}

}  // namespace dvpe::studio
