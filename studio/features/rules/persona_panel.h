// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Who conditions are tried on: some ready-made people, or one's own as JSON. GUI thread.
#pragma once

#include <QWidget>
#include <memory>

#include "shared/rules/attributes.h"
#include "studio/widgets/theme.h"

class QComboBox;
class QPlainTextEdit;

namespace dvpe::studio {

// {"attributes": {"country": "DE"}, "consent": ["personalised_ads"]}; attributes stand under "viewer". kInvalidInput,
// with the reason.
base::Result<std::shared_ptr<const rules::AttributeSource>> readPersona(const QString& json);

class PersonaPanel : public QWidget {
  Q_OBJECT
 public:
  explicit PersonaPanel(QWidget* parent = nullptr);
  // Somebody made of the fields that there are: everything known and agreed to.
  void setFields(const std::vector<model::Field>& fields);
  // What takes the focus, as it is read.
  QList<QWidget*> inOrder() const;
  const std::shared_ptr<const rules::AttributeSource>& viewer() const { return viewer_; }

 signals:
  void viewerChanged();

 private:
  void read();

  QComboBox* who_;
  QPlainTextEdit* edit_;
  ToneLabel* says_;
  std::shared_ptr<const rules::AttributeSource> viewer_;
};

}  // namespace dvpe::studio
