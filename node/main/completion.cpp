// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/command.h"

namespace dvpe::node {

namespace {

// The words that may come first, each once.
std::vector<std::string_view> nouns() {
  std::vector<std::string_view> out;
  for (const CommandSpec& c : commandTable()) {
    if (out.empty() || out.back() != c.noun) out.push_back(c.noun);
  }
  return out;
}

std::string join(const std::vector<std::string_view>& words) {
  std::string out;
  for (const auto word : words) out += (out.empty() ? "" : " ") + std::string(word);
  return out;
}

std::string verbsOf(std::string_view noun) {
  std::vector<std::string_view> out;
  for (const CommandSpec& c : commandTable()) {
    if (c.noun == noun && !c.verb.empty()) out.push_back(c.verb);
  }
  return join(out);
}

std::string optionsOf(const CommandSpec& c) {
  std::vector<std::string_view> out(c.choices.begin(), c.choices.end());
  for (const OptionSpec& o : c.options) out.push_back(o.name);
  for (const OptionSpec& o : commonOptions()) out.push_back(o.name);
  out.push_back("--help");
  return join(out);
}

// bash's own completion; zsh understands it through bashcompinit.
std::string bash() {
  std::string out =
      "_dvpe_node() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words\n"
      "  case $prev in\n";
  std::set<std::string_view> seen;
  for (const CommandSpec& c : commandTable()) {
    for (const OptionSpec& o : c.options) {
      if (o.value.empty() || !seen.insert(o.name).second) continue;
      const std::string_view how = o.value == "FILE" ? "-f" : o.value == "DIR" ? "-d" : "-W ''";
      out +=
          "    " + std::string(o.name) + ") COMPREPLY=($(compgen " + std::string(how) + " -- \"$cur\")); return ;;\n";
    }
  }
  out += "  esac\n  case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n";
  for (const CommandSpec& c : commandTable()) {
    if (!c.verb.empty()) {
      out += "    \"" + std::string(c.noun) + " " + std::string(c.verb) + "\") words=\"" + optionsOf(c) + "\" ;;\n";
    }
  }
  for (const auto noun : nouns()) {
    const std::string verbs = verbsOf(noun);
    if (!verbs.empty()) out += "    \"" + std::string(noun) + " \"*) words=\"" + verbs + "\" ;;\n";
  }
  for (const CommandSpec& c : commandTable()) {
    if (c.verb.empty()) out += "    \"" + std::string(c.noun) + " \"*) words=\"" + optionsOf(c) + "\" ;;\n";
  }
  out += "    *) words=\"" + join(nouns()) + "\" ;;\n  esac\n";
  // The word being typed must not choose the branch: at position 1 only nouns, at 2 verbs where there are any.
  out += "  if ((COMP_CWORD == 1)); then words=\"" + join(nouns()) + "\"; fi\n";
  for (const auto noun : nouns()) {
    const std::string verbs = verbsOf(noun);
    if (!verbs.empty()) {
      out += "  if ((COMP_CWORD == 2)) && [[ ${COMP_WORDS[1]} == " + std::string(noun) + " ]]; then words=\"" + verbs +
             "\"; fi\n";
    }
  }
  out += "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n";
  for (const CommandSpec& c : commandTable()) {
    if (c.rest == "FILE") {
      out += "  if ((COMP_CWORD > 1)) && [[ ${COMP_WORDS[1]} == " + std::string(c.noun) +
             " && $cur != -* ]]; then COMPREPLY=($(compgen -f -- \"$cur\")); fi\n";
    }
  }
  return out + "}\ncomplete -o filenames -F _dvpe_node dvpe-node\n";
}

std::string quotedForFish(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string fish() {
  std::string out = "complete -c dvpe-node -f\n";
  for (const auto noun : nouns()) {
    const std::string verbs = verbsOf(noun);
    const std::string start = "complete -c dvpe-node -n ";
    out += start + "__fish_use_subcommand -a " + std::string(noun) + "\n";
    for (const CommandSpec& c : commandTable()) {
      if (c.noun != noun) continue;
      std::string condition = "__fish_seen_subcommand_from " + std::string(noun);
      if (!c.verb.empty()) {
        out += start + quotedForFish(condition + "; and not __fish_seen_subcommand_from " + verbs) + " -a " +
               std::string(c.verb) + " -d " + quotedForFish(c.summary) + "\n";
        condition += "; and __fish_seen_subcommand_from " + std::string(c.verb);
      }
      const auto option = [&](const OptionSpec& o) {
        out += start + quotedForFish(condition) + " -l " + std::string(o.name.substr(2)) +
               (o.value.empty()   ? ""
                : o.value == "ID" ? " -x"
                                  : " -rF") +
               " -d " + quotedForFish(o.help) + "\n";
      };
      for (const OptionSpec& o : c.options) option(o);
      for (const OptionSpec& o : commonOptions()) option(o);
      if (!c.choices.empty()) out += start + quotedForFish(condition) + " -a " + quotedForFish(join(c.choices)) + "\n";
      if (c.rest == "FILE") out += start + quotedForFish(condition) + " -F\n";
    }
  }
  return out;
}

}  // namespace

std::string completionScript(std::string_view shell) {
  if (shell == "bash") return bash();
  if (shell == "zsh") return "#compdef dvpe-node\nautoload -U +X bashcompinit && bashcompinit\n" + bash();
  if (shell == "fish") return fish();
  return {};
}

int completionCommand(const Arguments& arguments, Console& console) {
  const std::string script = completionScript(arguments.rest.empty() ? "" : arguments.rest.front());
  if (script.empty()) {
    complain(console, "completion is for bash, zsh or fish");
    return kExitUsage;
  }
  console.out << script;
  return kExitOk;
}

}  // namespace dvpe::node
