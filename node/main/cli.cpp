// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/cli.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <deque>
#include <exception>

#include "node/main/suggest.h"

namespace dvpe::node {

namespace {

std::string title(const CommandSpec& c) {
  return "dvpe-node " + std::string(c.noun) + (c.verb.empty() ? "" : " " + std::string(c.verb));
}

// A line of two columns.
void line(std::string& out, std::string left, std::string_view right) {
  left.resize(std::max<std::size_t>(left.size() + 2, 24), ' ');
  out += "  " + left + std::string(right) + "\n";
}

std::string indented(std::string_view lines) {
  std::string out = "  ";
  for (const char c : lines) {
    out += c;
    if (c == '\n') out += "  ";
  }
  return out + "\n";
}

std::string help(const CommandSpec& c) {
  std::string out = title(c) + ": " + std::string(c.summary) + "\n\nExamples:\n" + indented(c.example);
  if (!c.rest.empty()) {
    out += "\nArguments:\n";
    std::string what;
    for (const auto choice : c.choices) what += (what.empty() ? "one of " : ", ") + std::string(choice);
    line(out, std::string(c.rest) + (c.restMax > 1 ? "..." : ""), what.empty() ? "what to read" : what);
  }
  out += "\nOptions:\n";
  const auto option = [&](const OptionSpec& o) {
    line(out, std::string(o.name) + (o.value.empty() ? "" : " " + std::string(o.value)),
         std::string(o.help) + (o.required ? " (required)" : ""));
  };
  for (const OptionSpec& o : c.options) option(o);
  for (const OptionSpec& o : commonOptions()) option(o);
  line(out, "--help", "this text");
  return out;
}

// For everything, or for the verbs of one noun.
std::string helpFor(std::string_view noun) {
  std::string out = noun.empty()
                        ? "dvpe-node: one live programme, a stream of their own for every viewer\n\nExamples:\n"
                          "  dvpe-node config example > dvpe.toml\n"
                          "  dvpe-node keys stream --channel news --config dvpe.toml\n"
                          "  dvpe-node run --config dvpe.toml\n\nCommands:\n"
                        : "dvpe-node " + std::string(noun) + ": what it can do\n\nCommands:\n";
  for (const CommandSpec& c : commandTable()) {
    if (noun.empty() || c.noun == noun) {
      line(out, std::string(c.noun) + (c.verb.empty() ? "" : " " + std::string(c.verb)), c.summary);
    }
  }
  return out + "\nMore: dvpe-node COMMAND --help\n";
}

std::vector<std::string> wordsAfter(std::string_view noun) {
  std::vector<std::string> out;
  for (const CommandSpec& c : commandTable()) {
    if (noun.empty() ? std::find(out.begin(), out.end(), c.noun) == out.end() : c.noun == noun) {
      out.emplace_back(noun.empty() ? c.noun : c.verb);
    }
  }
  return out;
}

int usage(Console& console, const std::string& message, const std::string& more) {
  complain(console, message);
  console.err << "See: " << more << " --help\n";
  return kExitUsage;
}

bool isHelp(std::string_view word) { return word == "--help" || word == "-h" || word == "help"; }

// The command that the first words name, and how many they are. Nullptr: answered already, code says how.
const CommandSpec* find(const std::vector<std::string>& words, Console& console, std::size_t& used, int& code) {
  if (words.empty() || isHelp(words[0])) {
    (words.empty() ? console.err : console.out) << helpFor("");
    code = words.empty() ? kExitUsage : kExitOk;
    return nullptr;
  }
  const auto ofNoun = wordsAfter(words[0]);
  if (words[0] == "--version") {
    used = 1;
    for (const CommandSpec& c : commandTable()) {
      if (c.noun == "version") return &c;
    }
  }
  if (ofNoun.empty()) {
    code = usage(console, "there is no command " + words[0] + suggestion(words[0], wordsAfter("")), "dvpe-node");
    return nullptr;
  }
  const bool hasVerbs = !ofNoun.front().empty();
  if (hasVerbs && (words.size() < 2 || isHelp(words[1]))) {
    (words.size() < 2 ? console.err : console.out) << helpFor(words[0]);
    code = words.size() < 2 ? kExitUsage : kExitOk;
    return nullptr;
  }
  for (const CommandSpec& c : commandTable()) {
    if (c.noun == words[0] && (!hasVerbs || c.verb == words[1])) {
      used = hasVerbs ? 2 : 1;
      return &c;
    }
  }
  code = usage(console, "there is no command " + words[0] + " " + words[1] + suggestion(words[1], ofNoun),
               "dvpe-node " + words[0]);
  return nullptr;
}

// What CLI11 found to be wrong, in our words.
int explain(const CLI::ParseError& error, const CommandSpec& c, const std::vector<std::string>& words,
            Console& console) {
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    std::vector<std::string> known{"--help"};
    for (const OptionSpec& o : c.options) known.emplace_back(o.name);
    for (const OptionSpec& o : commonOptions()) known.emplace_back(o.name);
    for (const std::string& word : words) {
      const std::string name = word.substr(0, word.find('='));
      if (name.starts_with("-") && std::find(known.begin(), known.end(), name) == known.end()) {
        return usage(console, "there is no option " + name + suggestion(name, known), title(c));
      }
    }
    return usage(console, c.rest.empty() ? "this command takes options only" : "too many arguments", title(c));
  }
  return usage(console, error.what(), title(c));
}

int runSpec(const CommandSpec& c, std::vector<std::string> words, Console& console) {
  CLI::App app;
  app.set_help_flag();
  Arguments arguments;
  std::deque<bool> flags;          // CLI11 keeps references
  std::deque<std::string> values;  // likewise
  std::vector<std::pair<CLI::Option*, const OptionSpec*>> all;
  const auto add = [&](const OptionSpec& o) {
    CLI::Option* option = o.value.empty() ? app.add_flag(std::string(o.name), flags.emplace_back(false))
                                          : app.add_option(std::string(o.name), values.emplace_back());
    if (o.required) option->required();
    all.emplace_back(option, &o);
  };
  for (const OptionSpec& o : c.options) add(o);
  for (const OptionSpec& o : commonOptions()) add(o);
  if (!c.rest.empty()) {
    app.add_option(std::string(c.rest), arguments.rest)
        ->expected(static_cast<int>(c.restMin), static_cast<int>(c.restMax))
        ->required(c.restMin > 0);
  }
  try {
    std::vector<std::string> reversed(words.rbegin(), words.rend());  // as CLI11 wants them
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return explain(error, c, words, console);
  }
  for (const auto& [option, spec] : all) {
    if (option->count() == 0) continue;
    if (spec->value.empty()) {
      arguments.flags.emplace(spec->name);
    } else {
      arguments.values.emplace(spec->name, option->as<std::string>());
    }
  }
  console.quiet = console.quiet || arguments.flag("--quiet");
  console.colour = console.colour && !arguments.flag("--no-color");
  return c.run(arguments, console);
}

}  // namespace

int runCli(const std::vector<std::string>& arguments, Console& console) {
  // Exceptions end here: CLI11 and the standard library use them, we do not.
  try {
    std::size_t used = 0;
    int code = kExitOk;
    const CommandSpec* command = find(arguments, console, used, code);
    if (command == nullptr) {
      return code;
    }
    std::vector<std::string> words(arguments.begin() + static_cast<std::ptrdiff_t>(used), arguments.end());
    if (std::find(words.begin(), words.end(), "--help") != words.end() ||
        std::find(words.begin(), words.end(), "-h") != words.end()) {
      console.out << help(*command);
      return kExitOk;
    }
    return runSpec(*command, std::move(words), console);
  } catch (const std::exception& error) {
    complain(console, error.what());
    return kExitFailed;
  }
}

}  // namespace dvpe::node
