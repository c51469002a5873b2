// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/config.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>

// The parser as a header: this is its only use. Version 3.3 asserts (and in release builds assumes) that a table's
// header begins with a letter, and then handles the case that it does not: "[[[" would end the program. So neither is
// done.
#undef NDEBUG
#define TOML_ASSERT(expression) static_cast<void>(0)
#define TOML_EXCEPTIONS 1
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

#include "node/main/config_table.h"
#include "node/main/secrets.h"
#include "node/main/suggest.h"

namespace dvpe::node {

namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMaxFile = 1 << 20;

// A value as it was found, before anybody knows whether it fits.
struct Found {
  std::variant<std::monostate, std::string, std::int64_t, double, bool, std::vector<personalize::Peer>> value;
  std::string words;  // how to call it in a message
};

std::string inQuotes(std::string_view text) {
  return tomlText(text.size() > 60 ? std::string(text.substr(0, 57)) + "..." : text);
}

// A list of tables of two texts each, as peers are; nothing: it is another list.
std::optional<std::vector<personalize::Peer>> peersIn(const toml::array& list) {
  std::vector<personalize::Peer> out;
  for (const toml::node& each : list) {
    const toml::table* table = each.as_table();
    const auto* name = table != nullptr ? table->get_as<std::string>("name") : nullptr;
    const auto* url = table != nullptr ? table->get_as<std::string>("url") : nullptr;
    if (name == nullptr || url == nullptr || table->size() != 2) return std::nullopt;
    out.push_back({name->get(), url->get()});
  }
  return out;
}

// The same of "NAME=URL,NAME=URL".
std::optional<std::vector<personalize::Peer>> peersIn(std::string_view text) {
  std::vector<personalize::Peer> out;
  while (!text.empty()) {
    const std::string_view each = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), each.size() + 1));
    const std::size_t equals = each.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    out.push_back({std::string(each.substr(0, equals)), std::string(each.substr(equals + 1))});
  }
  return out;
}

Found foundIn(const toml::node& node) {
  if (const auto* s = node.as_string()) return {s->get(), "the text " + inQuotes(s->get())};
  if (const auto* i = node.as_integer()) return {i->get(), "the number " + std::to_string(i->get())};
  if (const auto* b = node.as_boolean()) return {b->get(), b->get() ? "true" : "false"};
  if (const auto* f = node.as_floating_point()) return {f->get(), "the number " + std::to_string(f->get())};
  if (const auto* list = node.as_array()) {
    auto peers = peersIn(*list);
    return {peers ? decltype(Found::value)(std::move(*peers)) : decltype(Found::value)(), "a list"};
  }
  return {{}, node.is_table() ? "a table" : "a date or time"};
}

bool isName(std::string_view s) {
  return !s.empty() && s.size() <= 64 && std::all_of(s.begin(), s.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  });
}

bool isAddress(const std::string& s) {
  std::array<unsigned char, 16> ignored{};
  return ::inet_pton(AF_INET, s.c_str(), ignored.data()) == 1 || ::inet_pton(AF_INET6, s.c_str(), ignored.data()) == 1;
}

// Collects values and mistakes from one source after another.
class Loading {
 public:
  Loading(const Environment& environment) : environment_(environment) { out_.origins.resize(configKeys().size()); }

  void mistake(const std::string& source, const toml::source_position& at, std::string key, std::string message) {
    out_.mistakes.push_back(
        {source, static_cast<int>(at.line), static_cast<int>(at.column), std::move(key), std::move(message)});
  }

  void file(std::string_view text, const std::string& source, const fs::path& folder) {
    if (text.size() > kMaxFile) {
      return mistake(source, {}, "", "found more than 1 MiB, expected a configuration file");
    }
    try {
      const toml::table parsed = toml::parse(text, source);
      for (const auto& [name, node] : parsed) {
        section(std::string(name.str()), name.source().begin, node, source, folder);
      }
    } catch (const toml::parse_error& error) {
      mistake(source, error.source().begin, "", std::string(error.description()));
    }
  }

  void environment() {
    for (std::size_t i = 0; i < configKeys().size(); ++i) {
      const ConfigKey& key = configKeys()[i];
      if (key.secret()) continue;
      const std::string name = key.environment();
      const auto text = environment_(name);
      if (!text) continue;
      std::error_code ignored;
      if (set(key, fromText(key, *text), name, {}, fs::current_path(ignored))) {
        out_.origins[i] = {ConfigOrigin::Kind::kEnvironment, name, 0, 0};
      }
    }
  }

  // What no single key can know.
  void together() {
    const Config& c = out_.config;
    bothOrNone("http.certificate", c.http.certificate, "http.key", c.http.key);
    bothOrNone("rtmp.certificate", c.rtmp.certificate, "rtmp.key", c.rtmp.key);
    if (c.http.port != 0 && c.http.port == c.rtmp.port && c.http.address == c.rtmp.address) {
      mistakeAt("rtmp.port", "found the same port as http.port, expected another");
    }
    if (!c.rtmp.certificate.empty() && c.rtmp.tlsPort != 0 && c.rtmp.tlsPort == c.rtmp.port) {
      mistakeAt("rtmp.tls_port", "found the same port as rtmp.port, expected another");
    }
    peers();
  }

  // Who shares viewers names them alike, and opens what the others have sealed.
  void peers() {
    const Config& c = out_.config;
    const auto& all = c.viewers.peers;
    if (all.empty()) return;
    const std::string self = inQuotes(c.node.name);
    if (std::none_of(all.begin(), all.end(), [&](const auto& p) { return p.name == c.node.name; })) {
      mistakeAt("viewers.peers", "found no " + self + ", expected this node (node.name) among them");
    }
    for (auto peer = all.begin(); peer != all.end(); ++peer) {
      const auto before = [&](auto same) { return std::any_of(all.begin(), peer, same); };
      if (before([&](const auto& p) { return p.name == peer->name; })) {
        mistakeAt("viewers.peers", "found " + inQuotes(peer->name) + " twice, expected each node once");
      } else if (before([&](const auto& p) { return p.url == peer->url; })) {
        mistakeAt("viewers.peers", "found " + inQuotes(peer->url) + " twice, expected an address for each node");
      }
    }
    const auto secure = [](const auto& p) { return personalize::parseOrigin(p.url).value().tls; };
    if (std::any_of(all.begin(), all.end(), secure) && !std::all_of(all.begin(), all.end(), secure)) {
      mistakeAt("viewers.peers", "found https and http, expected one of them: tokens go from one node to another");
    }
    if (all.size() < 2) return;
    for (const auto& [key, path] : {std::pair{"secrets.session_key_file", &c.secrets.sessionKey},
                                    std::pair{"secrets.pseudonym_key_file", &c.secrets.pseudonymKey}}) {
      if (path->empty()) mistakeAt(key, "found none, expected the file that all nodes of viewers.peers share");
    }
  }

  void mistakeAt(std::string_view path, std::string message) {
    for (std::size_t i = 0; i < configKeys().size(); ++i) {
      if (configKeys()[i].path() == path) {
        const ConfigOrigin& from = out_.origins[i];
        out_.mistakes.push_back({from.kind == ConfigOrigin::Kind::kDefault ? std::string("default") : from.source,
                                 from.line, from.column, std::string(path), std::move(message)});
        return;
      }
    }
  }

  // Mistakes in the order of the file, then those of variables.
  LoadedConfig take() {
    std::stable_sort(out_.mistakes.begin(), out_.mistakes.end(), [](const ConfigMistake& a, const ConfigMistake& b) {
      return std::pair(a.line == 0, std::pair(a.line, a.column)) < std::pair(b.line == 0, std::pair(b.line, b.column));
    });
    return std::move(out_);
  }

 private:
  void section(const std::string& name, const toml::source_position& at, const toml::node& node,
               const std::string& source, const fs::path& folder) {
    const auto known = std::any_of(configSections().begin(), configSections().end(),
                                   [&](const ConfigSection& s) { return s.name == name; });
    if (!known) {
      std::vector<std::string> names;
      for (const ConfigSection& s : configSections()) names.emplace_back(s.name);
      for (const ConfigKey& k : configKeys()) {
        if (k.name == name) return mistake(source, at, name, "this key belongs into [" + std::string(k.section) + "]");
      }
      return mistake(source, at, name, "unknown section" + suggestion(name, names));
    }
    const toml::table* table = node.as_table();
    if (table == nullptr) {
      return mistake(source, node.source().begin, name,
                     "found " + foundIn(node).words + ", expected the section [" + name + "]");
    }
    for (const auto& [keyName, value] : *table) {
      this->key(name, std::string(keyName.str()), keyName.source().begin, value, source, folder);
    }
  }

  void key(const std::string& sectionName, const std::string& name, const toml::source_position& at,
           const toml::node& value, const std::string& source, const fs::path& folder) {
    const std::string path = sectionName + "." + name;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < configKeys().size(); ++i) {
      const ConfigKey& key = configKeys()[i];
      if (key.section == sectionName) names.emplace_back(key.name);
      if (key.path() != path) continue;
      const auto where = value.source().begin;
      if (set(key, foundIn(value), source, where, folder)) {
        out_.origins[i] = {ConfigOrigin::Kind::kFile, source, static_cast<int>(where.line),
                           static_cast<int>(where.column)};
      }
      return;
    }
    std::string hint = suggestion(name, names);
    if (hint.empty()) {
      for (const ConfigKey& key : configKeys()) {
        if (hint.empty() && key.name == name) hint = "; did you mean " + key.path() + "?";
      }
    }
    mistake(source, at, path, "unknown key" + hint);
  }

  // A variable's text in the type that its key wants, so far as it can be read so.
  static Found fromText(const ConfigKey& key, const std::string& text) {
    Found found{text, "the text " + inQuotes(text)};
    const char* end = text.data() + text.size();
    if (key.kind == KeyKind::kInteger || (key.kind == KeyKind::kBudget && text != "auto")) {
      std::int64_t n = 0;
      if (std::from_chars(text.data(), end, n).ptr == end && !text.empty()) found = {n, "the number " + text};
    } else if (key.kind == KeyKind::kFlag && (text == "true" || text == "false")) {
      found = {text == "true", text};
    } else if (key.kind == KeyKind::kPeers) {
      if (auto list = peersIn(text)) found.value = std::move(*list);
    }
    return found;
  }

  // Stores what fits; says so when it does not.
  bool set(const ConfigKey& key, const Found& found, const std::string& source, const toml::source_position& at,
           const fs::path& folder) {
    std::string extra;
    if (store(key, found, folder, extra)) return true;
    mistake(source, at, key.path(), "found " + found.words + ", expected " + key.expected() + extra);
    return false;
  }

  bool store(const ConfigKey& key, const Found& found, const fs::path& folder, std::string& extra) {
    Config& c = out_.config;
    const auto* text = std::get_if<std::string>(&found.value);
    const auto* integer = std::get_if<std::int64_t>(&found.value);
    switch (key.kind) {
      case KeyKind::kText:
      case KeyKind::kName:
      case KeyKind::kAddress:
      case KeyKind::kChoice: {
        if (text == nullptr || (key.kind == KeyKind::kName && !isName(*text)) ||
            (key.kind == KeyKind::kAddress && !isAddress(*text)) ||
            (key.kind == KeyKind::kText && text->size() > static_cast<std::size_t>(key.max))) {
          return false;
        }
        if (key.kind == KeyKind::kChoice &&
            std::find(key.choices.begin(), key.choices.end(), *text) == key.choices.end()) {
          extra = suggestion(*text, std::vector<std::string>(key.choices.begin(), key.choices.end()));
          return false;
        }
        std::get<std::string& (*)(Config&)>(key.target)(c) = *text;
        return true;
      }
      case KeyKind::kInteger:
        if (integer == nullptr || *integer < key.min || *integer > key.max) return false;
        std::get<std::int64_t& (*)(Config&)>(key.target)(c) = *integer;
        return true;
      case KeyKind::kFlag:
        if (!std::holds_alternative<bool>(found.value)) return false;
        std::get<bool& (*)(Config&)>(key.target)(c) = std::get<bool>(found.value);
        return true;
      case KeyKind::kBudget: {
        const bool isAuto = text != nullptr && *text == "auto";
        if (!isAuto && (integer == nullptr || *integer < key.min || *integer > key.max)) return false;
        std::get<std::int64_t& (*)(Config&)>(key.target)(c) = isAuto ? Config::kAutoBudget : *integer;
        return true;
      }
      case KeyKind::kPeers:
        return storePeers(key, std::get_if<std::vector<personalize::Peer>>(&found.value), extra);
      case KeyKind::kFile:
      case KeyKind::kFolder:
      case KeyKind::kSecretFile:
        return text != nullptr && storePath(key, *text, folder, extra);
    }
    return false;
  }

  bool storePath(const ConfigKey& key, const std::string& text, const fs::path& folder, std::string& extra) {
    static constexpr std::string_view kCredentials = "$CREDENTIALS_DIRECTORY/";
    if (text.size() > 4000 || text.find('\0') != std::string::npos) return false;
    std::string path = text;
    if (key.secret() && path.starts_with(kCredentials)) {
      const auto credentials = environment_("CREDENTIALS_DIRECTORY");
      if (!credentials) {
        extra = " (the variable CREDENTIALS_DIRECTORY is not set: systemd sets it for units with LoadCredential=)";
        return false;
      }
      path = *credentials + "/" + path.substr(kCredentials.size());
    }
    std::get<fs::path& (*)(Config&)>(key.target)(out_.config) =
        path.empty() ? fs::path() : (folder / path).lexically_normal();
    return true;
  }

  bool storePeers(const ConfigKey& key, const std::vector<personalize::Peer>* peers, std::string& extra) {
    if (peers == nullptr) return false;
    if (peers->size() > personalize::Homes::kMost) {
      extra = " of at most " + std::to_string(personalize::Homes::kMost);
      return false;
    }
    for (const personalize::Peer& peer : *peers) {
      if (isName(peer.name) && personalize::parseOrigin(peer.url)) continue;
      extra = isName(peer.name) ? "; " + inQuotes(peer.url) + " is not such a url"
                                : "; " + inQuotes(peer.name) + " is no name";
      return false;
    }
    std::get<std::vector<personalize::Peer>& (*)(Config&)>(key.target)(out_.config) = *peers;
    return true;
  }

  void bothOrNone(std::string_view certificatePath, const fs::path& certificate, std::string_view keyPath,
                  const fs::path& key) {
    if (certificate.empty() == key.empty()) return;
    const bool keyMissing = key.empty();
    mistakeAt(
        keyMissing ? certificatePath : keyPath,
        "found this without " + std::string(keyMissing ? keyPath : certificatePath) + ", expected both or neither");
  }

  const Environment& environment_;
  LoadedConfig out_;
};

std::optional<std::string> unreadable(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return std::strerror(errno);
  ::close(fd);
  return std::nullopt;
}

// What is wrong with the file or folder that a key names, if anything.
std::optional<std::string> wrongPath(const ConfigKey& key, const fs::path& path) {
  std::error_code error;
  const auto status = fs::status(path, error);
  const std::string name = inQuotes(path.string());
  if (key.kind == KeyKind::kFolder) {
    // These the node makes itself; they only must not be something else.
    const bool made = key.path() == "node.state" || key.path() == "record.folder" || key.path() == "media.folder";
    if (!fs::exists(status)) {
      return made ? std::nullopt : std::optional("there is no folder " + name);
    }
    return fs::is_directory(status) ? std::nullopt : std::optional(name + " is not a folder");
  }
  if (!fs::exists(status)) return "there is no file " + name;
  if (fs::is_directory(status)) return name + " is a folder, expected a file";
  if (const auto why = unreadable(path)) return name + " cannot be read: " + *why;
  return std::nullopt;
}

}  // namespace

std::string describe(const ConfigMistake& m) {
  std::string out = m.source;
  if (m.line > 0) out += ":" + std::to_string(m.line) + ":" + std::to_string(m.column);
  if (!m.key.empty()) out += ": " + m.key;
  return out + ": " + m.message;
}

Environment processEnvironment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

LoadedConfig parseConfig(std::string_view text, const std::string& source, const fs::path& folder,
                         const Environment& environment) {
  Loading loading(environment);
  loading.file(text, source, folder);
  loading.environment();
  loading.together();
  return loading.take();
}

LoadedConfig loadConfig(const fs::path& file, const Environment& environment) {
  if (file.empty()) {
    return parseConfig({}, "", {}, environment);
  }
  std::error_code error;
  const bool regular = fs::is_regular_file(file, error);
  std::ifstream in(file, std::ios::binary);
  if (!regular || !in) {
    LoadedConfig out;
    out.origins.resize(configKeys().size());
    const std::string why = error ? error.message() : !regular ? "not a file" : std::strerror(errno);
    out.mistakes.push_back({file.string(), 0, 0, "", "cannot be read: " + why});
    return out;
  }
  std::string text(kMaxFile + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return parseConfig(text, file.string(), fs::absolute(file, error).parent_path(), environment);
}

namespace {

// One mistake for each file of the configuration that `wrong` has something to say about.
std::vector<ConfigMistake> eachFile(
    const LoadedConfig& loaded,
    const std::function<std::optional<std::string>(const ConfigKey& key, const fs::path& path)>& wrong) {
  std::vector<ConfigMistake> mistakes;
  Config config = loaded.config;
  for (std::size_t i = 0; i < configKeys().size(); ++i) {
    const ConfigKey& key = configKeys()[i];
    const auto* target = std::get_if<fs::path& (*)(Config&)>(&key.target);
    if (target == nullptr || (*target)(config).empty()) continue;
    // Missing secrets other than the platforms' keys are made at the first start, and a node's CURVE key.
    const bool made =
        (key.section == "secrets" && key.name != "platform_keys_file") || key.path() == "control.key_file";
    std::error_code error;
    if (key.secret() && made && !fs::exists((*target)(config), error)) continue;
    // With a control plane documents come from releases; who only coordinates or conditions has none.
    if (key.path() == "documents.folder" && (!config.control.root.empty() || config.node.role != "all")) continue;
    if (auto what = wrong(key, (*target)(config))) {
      const ConfigOrigin& from = loaded.origins[i];
      const bool isDefault = from.kind == ConfigOrigin::Kind::kDefault;
      mistakes.push_back({isDefault ? "default" : from.source, from.line, from.column, key.path(), *what});
    }
  }
  return mistakes;
}

}  // namespace

std::vector<ConfigMistake> checkFiles(const LoadedConfig& loaded) { return eachFile(loaded, wrongPath); }

std::vector<ConfigMistake> checkConfig(const fs::path& file, const Environment& environment) {
  LoadedConfig loaded = loadConfig(file, environment);
  if (!loaded.mistakes.empty()) return std::move(loaded.mistakes);
  return eachFile(loaded, [](const ConfigKey& key, const fs::path& path) -> std::optional<std::string> {
    auto wrong = wrongPath(key, path);
    if (wrong || !key.secret()) return wrong;
    const auto read = checkSecret(key.name, path);
    if (read) return std::nullopt;
    const std::string prefix = key.path() + ": ";  // the mistake names the key already
    const std::string& message = read.error().message;
    return message.starts_with(prefix) ? message.substr(prefix.size()) : message;
  });
}

}  // namespace dvpe::node
