// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The manual page, from the table of commands; man(7) of groff.
#include <array>

#include "node/main/command.h"

namespace dvpe::node {

namespace {

// Text as it stands: no requests, no escapes, hyphens that can be copied. Alternatives may be parted by an end of line.
std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (out.empty() || out.back() == '\n') {
      if (c == '.' || c == '\'') out += "\\&";
    }
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if (c == '\'') {
      out += "\\(aq";
    } else if (c == '`') {
      out += "\\(ga";
    } else if (c == '^') {
      out += "\\(ha";
    } else if (c == '~') {
      out += "\\(ti";
    } else if (c == '|') {
      out += "|\\:";  // a line may end there
    } else {
      out += c;
    }
  }
  return out;
}

std::string title(const CommandSpec& c) {
  return "dvpe-node " + std::string(c.noun) + (c.verb.empty() ? "" : " " + std::string(c.verb));
}

// "[--json] --key FILE NAME..."
std::string usage(const CommandSpec& c) {
  std::string out;
  for (const OptionSpec& o : c.options) {
    const std::string one = std::string(o.name) + (o.value.empty() ? "" : " " + std::string(o.value));
    out += " " + (o.required ? one : "[" + one + "]");
  }
  if (c.rest.empty()) return out;
  std::string rest;
  for (const auto choice : c.choices) rest += (rest.empty() ? "" : "|") + std::string(choice);
  if (rest.empty()) rest = c.rest;
  if (c.restMax > 1) rest += "...";
  return out + " " + (c.restMin > 0 ? rest : "[" + rest + "]");
}

std::string option(const OptionSpec& o) {
  return ".TP\n.B " + roff(o.name) + (o.value.empty() ? "" : " \\fI" + roff(o.value) + "\\fR") + "\n" + roff(o.help) +
         (o.required ? " (required)" : "") + "\n";
}

std::string example(std::string_view lines) {
  return ".PP\nExample:\n.PP\n.in +4n\n.nf\n" + roff(lines) + "\n.fi\n.in\n";
}

std::string command(const CommandSpec& c) {
  std::string out = ".SS " + roff(title(c)) + "\n" + roff(c.summary) + ".\n.PP\n.B " + roff(title(c)) + "\n" +
                    roff(usage(c).empty() ? "" : usage(c).substr(1)) + "\n";
  for (const OptionSpec& o : c.options) out += option(o);
  return out + example(c.example);
}

struct Item {
  std::string_view what, text;
};

std::string items(std::span<const Item> list) {
  std::string out;
  for (const Item& i : list) out += ".TP\n.B " + roff(i.what) + "\n" + roff(i.text) + "\n";
  return out;
}

constexpr std::array kExits{
    Item{"0", "It is done."},
    Item{"1", "It failed, or something is wrong with what was asked about."},
    Item{"2", "The line is not understood."},
    Item{"3", "This build, or this version, cannot do it."},
    Item{"4", "Not permitted: a right, a signature, a password or a grant is missing, or the node refused."},
    Item{"5", "Something that must be installed is not."},
    Item{"6", "The configuration is wrong; each mistake was named."},
    Item{"7", "The node is not there, or does not answer."},
    Item{"130", "Interrupted."},
};
constexpr std::array kEnvironment{
    Item{"DVPE_CONFIG", "The configuration, where --config does not name one."},
    Item{"DVPE_SECTION_KEY",
         "The value of a key, such as DVPE_HTTP_PORT of http.port. Not for secrets, which come "
         "from files."},
    Item{"NO_COLOR", "When it is not empty: no colours."},
    Item{"CREDENTIALS_DIRECTORY", "Where systemd puts secret files."},
};
constexpr std::array kFiles{
    Item{"/etc/dvpe/dvpe.toml",
         "The configuration, unless another is named. \"dvpe-node config example\" prints one "
         "with every key explained."},
    Item{"FILE.sig", "The signatures of FILE."},
    Item{"FILE.second", "Ad operations' second signature of a campaign or creative, with its own FILE.second.sig."},
};

}  // namespace

std::string manPage() {
  std::string out =
      ".\\\" SPDX-License-Identifier: GPL-3.0-or-later\n"
      ".\\\" Printed by dvpe-node man.\n"
      ".TH DVPE-NODE 1 \"\" \"DVPE " DVPE_VERSION
      "\" \"DVPE\"\n"
      ".nh\n.ad l\n"
      ".SH NAME\ndvpe-node \\- one live programme, a stream of their own for every viewer\n"
      ".SH SYNOPSIS\n.B dvpe\\-node\n.I COMMAND\n[\\fIVERB\\fR] [\\fIOPTION\\fR...] [\\fIARGUMENT\\fR...]\n"
      ".SH DESCRIPTION\n";
  out += roff(
      "The node takes a live programme, renders what viewers see differently once for all who see the same, and serves "
      "a playlist to each. The same program keeps the control plane: its database, people, keys, releases, and orders "
      "to nodes.");
  out += "\n.PP\n" +
         roff(
             "Standard output carries data, standard error carries talk. Secrets come from files that only "
             "their owner may read, or are typed unseen; they are never arguments.") +
         "\n.SH OPTIONS\nEvery command takes these.\n";
  for (const OptionSpec& o : commonOptions()) out += option(o);
  out += option({"--help", "", "print what a command takes"}) + ".SH COMMANDS\n";
  for (const CommandSpec& c : commandTable()) out += command(c);
  out +=
      ".SH EXIT STATUS\n" + items(kExits) + ".SH ENVIRONMENT\n" + items(kEnvironment) + ".SH FILES\n" + items(kFiles);
  return out + ".SH SEE ALSO\n" + roff("The guides and references in docs/, which are part of the product.") +
         "\n.PP\n.BR psql (1),\n.BR systemd.exec (5)\n";
}

int manCommand(const Arguments& /*arguments*/, Console& console) {
  console.out << manPage();
  return kExitOk;
}

}  // namespace dvpe::node
