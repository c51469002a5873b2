// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "studio/features/rules/rules_feature.h"

#include "studio/features/rules/rules_page.h"

namespace dvpe::studio {

namespace {

class Rules final : public Feature {
 public:
  QString id() const override { return QStringLiteral("rules"); }
  QString title() const override { return RulesPage::tr("Rules"); }
  QString icon() const override { return QStringLiteral("rules"); }
  QStringList roles() const override { return {QStringLiteral("creator")}; }
  QString help() const override { return QStringLiteral("studio.md#rules"); }
  QWidget* page(Desk& desk) override { return page_ = new RulesPage(desk); }
  QList<Found> find(const QString& letters) override { return page_ ? page_->find(letters) : QList<Found>{}; }

 private:
  QPointer<RulesPage> page_;
};

}  // namespace

std::unique_ptr<Feature> rulesFeature() { return std::make_unique<Rules>(); }

}  // namespace dvpe::studio
