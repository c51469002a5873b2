// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "studio/features/publish/publish_feature.h"

#include "studio/features/publish/publish_page.h"

namespace dvpe::studio {

namespace {

class Publish final : public Feature {
 public:
  QString id() const override { return QStringLiteral("publish"); }
  QString title() const override { return PublishPage::tr("Publish"); }
  QString icon() const override { return QStringLiteral("publish"); }
  QStringList roles() const override {
    return {QStringLiteral("creator"), QStringLiteral("advertiser"), QStringLiteral("ad_operations"),
            QStringLiteral("admin")};
  }
  QString help() const override { return QStringLiteral("studio.md#publish"); }
  QWidget* page(Desk& desk) override { return page_ = new PublishPage(desk); }
  QList<Found> find(const QString& letters) override { return page_ ? page_->find(letters) : QList<Found>{}; }

 private:
  QPointer<PublishPage> page_;
};

}  // namespace

std::unique_ptr<Feature> publishFeature() { return std::make_unique<Publish>(); }

}  // namespace dvpe::studio
