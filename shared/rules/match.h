// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Many conditions matched at once: exactly those whose verdict is true, as evaluate() says, but only those are looked
// at that can be. Equality and membership are kept by value: what a viewer's attributes rule out is never touched;
// fields, values and expensive parts that conditions share are looked at once for a viewer. After BE-Tree (Sadoghi and
// Jacobsen, TODS 2013) and A-Tree (Ji and Jacobsen, SIGMOD 2021).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "shared/rules/condition.h"

namespace dvpe::rules {

namespace impl {
struct IndexData;
struct WorkspaceData;
}  // namespace impl

// Immutable; any thread, each with a Workspace of its own.
class Index {
 public:
  Index();
  // Conditions are named by their places here. samples: some viewers such as will come, from which is learned what is
  // rare; they are not kept. Without them answers are the same, but come later.
  explicit Index(const std::vector<Condition>& conditions, const std::vector<const AttributeSource*>& samples = {});
  ~Index();
  Index(Index&&) noexcept;
  Index& operator=(Index&&) noexcept;

  // Memory for one thread, to be used again for each viewer: once it has grown, nothing is allocated.
  class Workspace {
   public:
    explicit Workspace(const Index& index);
    ~Workspace();
    Workspace(Workspace&&) noexcept;
    Workspace& operator=(Workspace&&) noexcept;

   private:
    friend class Index;
    std::unique_ptr<impl::WorkspaceData> data_;
  };

  // The places of the conditions that are true, ascending, into out.
  void match(const AttributeSource& attributes, Workspace& workspace, std::vector<std::uint32_t>& out) const;

  std::size_t size() const;
  // Of memory, about, without the conditions themselves.
  std::size_t bytes() const;

 private:
  std::unique_ptr<const impl::IndexData> data_;
};

}  // namespace dvpe::rules
