// Trees as text. Brackets stand wherever they could be missed, so that equal texts mean equal trees.
#include "verify/ast.h"

namespace pope {
namespace {

void write(const Node& node, std::string& out);

void join(const Node& node, std::string_view separator, std::string& out) {
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    if (i > 0) out += separator;
    write(*node.children[i], out);
  }
}

bool is_atom(const Node& node) {
  return node.is(NodeKind::number) || node.is(NodeKind::variable) || node.is(NodeKind::constant) ||
         node.is(NodeKind::infinity) || node.is(NodeKind::function) || node.is(NodeKind::series) ||
         node.is(NodeKind::tuple) || node.is(NodeKind::set);
}

void write_part(const Node& node, std::string& out) {
  if (is_atom(node)) return write(node, out);
  out += '(';
  write(node, out);
  out += ')';
}

void join_parts(const Node& node, std::string_view separator, std::string& out) {
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    if (i > 0) out += separator;
    write_part(*node.children[i], out);
  }
}

void write_sum(const Node& node, std::string& out) {
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    const Node& child = *node.children[i];
    if (child.is(NodeKind::negate)) {
      out += i > 0 ? " - " : "-";
      write_part(*child.children[0], out);
    } else if (child.is(NodeKind::plus_minus)) {
      if (i > 0) out += ' ';
      out += child.text == "+" ? "± " : "∓ ";
      write_part(*child.children[0], out);
    } else {
      if (i > 0) out += " + ";
      child.is(NodeKind::product) || child.is(NodeKind::quotient) || child.is(NodeKind::power)
          ? write(child, out)
          : write_part(child, out);
    }
  }
}

std::string_view list_joint(const Node& list) {
  if (list.text == "|") return " or ";
  if (list.text == "&") return " and ";
  return !list.children.empty() && list.children[0]->is(NodeKind::list) ? "; " : ", ";
}

std::string_view sign(char code) {
  switch (code) {
    case '=':
      return " = ";
    case '<':
      return " < ";
    case '>':
      return " > ";
    case 'l':
      return " <= ";
    case 'g':
      return " >= ";
    case 'n':
      return " != ";
    case 'e':
      return " in ";
    case 'o':
      return " not in ";
    case 'q':
      return " ≡ ";
    case 't':
      return " -> ";
    case 'i':
      return " => ";
    case 'f':
      return " <=> ";
    case 's':
      return " subset ";
    default:
      return " | ";
  }
}

void join_between(std::string_view open, const Node& node, std::string_view separator, std::string_view close,
                  std::string& out) {
  out += open;
  join(node, separator, out);
  out += close;
}

void write_series(const Node& node, std::string& out) {
  out.append(node.text);
  if (node.children.size() == 4) {
    out.append("_{").append(node.children[1]->text).append("=");
    write(*node.children[2], out);
    out += "}^{";
    write(*node.children[3], out);
    out += '}';
  }
  out += '(';
  write(*node.children[0], out);
  out += ')';
}

void write(const Node& node, std::string& out) {
  switch (node.kind) {
    case NodeKind::number:
    case NodeKind::variable:
    case NodeKind::constant:
      out += node.text;
      return;
    case NodeKind::infinity:
      out += "∞";
      return;
    case NodeKind::sum:
      return write_sum(node, out);
    case NodeKind::product:
      return join_parts(node, "*", out);
    case NodeKind::quotient:
      return join_parts(node, "/", out);
    case NodeKind::power:
      return join_parts(node, "^", out);
    case NodeKind::negate:
      out += '-';
      return write_part(*node.children[0], out);
    case NodeKind::plus_minus:
      out += node.text == "+" ? "±" : "∓";
      return write_part(*node.children[0], out);
    case NodeKind::function:
      out.append(node.text);
      return join_between("(", node, ", ", ")", out);
    case NodeKind::series:
      return write_series(node, out);
    case NodeKind::quantity:
      write_part(*node.children[0], out);
      out.append(" ").append(node.text);
      return;
    case NodeKind::base_n:
      out.append(node.text).append("_").append(node.children[0]->text);
      return;
    case NodeKind::tuple:
      return join_between(node.text.substr(0, 1), node, ", ", node.text.substr(1, 1), out);
    case NodeKind::set:
      return join_between("{", node, ", ", "}", out);
    case NodeKind::list:
      return join(node, list_joint(node), out);
    case NodeKind::relation:
      for (std::size_t i = 0; i < node.children.size(); ++i) {
        if (i > 0) out += sign(node.text[i - 1]);
        write_part(*node.children[i], out);
      }
      return;
    case NodeKind::ratio:
      if (!node.text.empty()) {
        out += node.text;
        return;
      }
      return join_parts(node, ":", out);
    case NodeKind::set_operation:
      for (std::size_t i = 0; i < node.children.size(); ++i) {
        if (i > 0) out.append(" ").append(node.text).append(" ");
        write_part(*node.children[i], out);
      }
      return;
    case NodeKind::modular:
      return join_parts(node, " mod ", out);
    case NodeKind::matrix:
      out.append(node.text);
      return join_between("[", node, "; ", "]", out);
    case NodeKind::text:
      out.append("\"").append(node.text).append("\"");
      return;
  }
}

}  // namespace

std::string to_text(const Node& node) {
  std::string out;
  write(node, out);
  return out;
}

}  // namespace pope
