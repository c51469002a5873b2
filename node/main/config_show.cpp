// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <boost/json.hpp>

#include "node/main/config.h"
#include "node/main/config_table.h"

namespace dvpe::node {

namespace {

namespace fs = std::filesystem;

std::string words(const ConfigOrigin& origin) {
  switch (origin.kind) {
    case ConfigOrigin::Kind::kDefault:
      return "default";
    case ConfigOrigin::Kind::kFile:
      return origin.source + ":" + std::to_string(origin.line);
    case ConfigOrigin::Kind::kEnvironment:
      return "environment " + origin.source;
  }
  return "default";
}

boost::json::object jsonOrigin(const ConfigOrigin& origin) {
  switch (origin.kind) {
    case ConfigOrigin::Kind::kDefault:
      return {{"kind", "default"}};
    case ConfigOrigin::Kind::kFile:
      return {{"kind", "file"}, {"file", origin.source}, {"line", origin.line}};
    case ConfigOrigin::Kind::kEnvironment:
      return {{"kind", "environment"}, {"variable", origin.source}};
  }
  return {};
}

boost::json::value jsonValue(const ConfigKey& key, Config& config) {
  struct Visitor {
    Config& c;
    const bool isBudget;
    boost::json::value operator()(std::string& (*at)(Config&)) const { return boost::json::string(at(c)); }
    boost::json::value operator()(fs::path& (*at)(Config&)) const { return boost::json::string(at(c).string()); }
    boost::json::value operator()(std::int64_t& (*at)(Config&)) const {
      return isBudget && at(c) == Config::kAutoBudget ? boost::json::value("auto") : boost::json::value(at(c));
    }
    boost::json::value operator()(bool& (*at)(Config&)) const { return at(c); }
    boost::json::value operator()(std::vector<personalize::Peer>& (*at)(Config&)) const {
      boost::json::array out;
      for (const personalize::Peer& peer : at(c)) {
        out.push_back(boost::json::object{{"name", peer.name}, {"url", peer.url}});
      }
      return out;
    }
  };
  return std::visit(Visitor{config, key.kind == KeyKind::kBudget}, key.target);
}

std::string showJson(const LoadedConfig& loaded, ShowOrigin origin) {
  Config config = loaded.config;
  boost::json::object out;
  for (std::size_t i = 0; i < configKeys().size(); ++i) {
    const ConfigKey& key = configKeys()[i];
    boost::json::object* section = out[key.section].if_object();
    if (section == nullptr) section = &(out[key.section] = boost::json::object()).get_object();
    boost::json::value value = jsonValue(key, config);
    if (origin == ShowOrigin::kYes) {
      value = {{"value", std::move(value)}, {"origin", jsonOrigin(loaded.origins[i])}};
    }
    section->insert_or_assign(key.name, std::move(value));
  }
  return boost::json::serialize(out) + "\n";
}

}  // namespace

std::string showConfig(const LoadedConfig& loaded, ShowFormat format, ShowOrigin origin) {
  if (format == ShowFormat::kJson) {
    return showJson(loaded, origin);
  }
  std::string out;
  std::string_view section;
  for (std::size_t i = 0; i < configKeys().size(); ++i) {
    const ConfigKey& key = configKeys()[i];
    if (key.section != section) {
      out += (out.empty() ? "[" : "\n[") + std::string(key.section) + "]\n";
      section = key.section;
    }
    out += std::string(key.name) + " = " + tomlValue(key, loaded.config);
    if (origin == ShowOrigin::kYes) out += "  # " + words(loaded.origins[i]);
    out += "\n";
  }
  return out;
}

}  // namespace dvpe::node
