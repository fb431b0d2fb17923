// Unicode characters and the tokens they stand for.
#pragma once

#include <array>
#include <string_view>

#include "verify/tokens.h"

namespace pope {

struct Symbol {
  std::string_view utf8;
  TokenKind kind;
  std::string_view text;
};

constexpr auto kSymbols = std::to_array<Symbol>({{"×", TokenKind::op, "*"},
                                                 {"·", TokenKind::op, "*"},
                                                 {"⋅", TokenKind::op, "*"},
                                                 {"∙", TokenKind::op, "*"},
                                                 {"÷", TokenKind::op, "/"},
                                                 {"∕", TokenKind::op, "/"},
                                                 {"−", TokenKind::op, "-"},
                                                 {"–", TokenKind::op, "-"},
                                                 {"—", TokenKind::op, "-"},
                                                 {"‐", TokenKind::op, "-"},
                                                 {"±", TokenKind::op, "pm"},
                                                 {"∓", TokenKind::op, "mp"},
                                                 {"≤", TokenKind::op, "<="},
                                                 {"⩽", TokenKind::op, "<="},
                                                 {"≥", TokenKind::op, ">="},
                                                 {"⩾", TokenKind::op, ">="},
                                                 {"≠", TokenKind::op, "!="},
                                                 {"≡", TokenKind::op, "equiv"},
                                                 {"≈", TokenKind::op, "approx"},
                                                 {"∈", TokenKind::op, "in"},
                                                 {"∪", TokenKind::op, "cup"},
                                                 {"∩", TokenKind::op, "cap"},
                                                 {"∖", TokenKind::op, "setminus"},
                                                 {"→", TokenKind::op, "->"},
                                                 {"⇒", TokenKind::op, "=>"},
                                                 {"…", TokenKind::op, "..."},
                                                 {"⋯", TokenKind::op, "..."},
                                                 {"°", TokenKind::op, "deg"},
                                                 {"′", TokenKind::op, "'"},
                                                 {"∞", TokenKind::name, "infty"},
                                                 {"π", TokenKind::name, "pi"},
                                                 {"α", TokenKind::name, "\\alpha"},
                                                 {"β", TokenKind::name, "\\beta"},
                                                 {"γ", TokenKind::name, "\\gamma"},
                                                 {"θ", TokenKind::name, "\\theta"},
                                                 {"φ", TokenKind::name, "\\phi"},
                                                 {"ω", TokenKind::name, "\\omega"},
                                                 {"λ", TokenKind::name, "\\lambda"},
                                                 {"ℝ", TokenKind::name, "\\mathbb{R}"},
                                                 {"ℤ", TokenKind::name, "\\mathbb{Z}"},
                                                 {"ℕ", TokenKind::name, "\\mathbb{N}"},
                                                 {"ℚ", TokenKind::name, "\\mathbb{Q}"},
                                                 {"∅", TokenKind::name, "emptyset"},
                                                 {"∑", TokenKind::name, "\\sum"},
                                                 {"∏", TokenKind::name, "\\prod"},
                                                 {"∫", TokenKind::name, "\\int"},
                                                 {"√", TokenKind::function, "sqrt"},
                                                 {"∛", TokenKind::function, "cbrt"},
                                                 {"⌊", TokenKind::open, "lfloor"},
                                                 {"⌋", TokenKind::close, "rfloor"},
                                                 {"⌈", TokenKind::open, "lceil"},
                                                 {"⌉", TokenKind::close, "rceil"},
                                                 {"½", TokenKind::number, "1/2"},
                                                 {"⅓", TokenKind::number, "1/3"},
                                                 {"⅔", TokenKind::number, "2/3"},
                                                 {"¼", TokenKind::number, "1/4"},
                                                 {"¾", TokenKind::number, "3/4"},
                                                 {"⅕", TokenKind::number, "1/5"},
                                                 {"⅛", TokenKind::number, "1/8"},
                                                 {"⅜", TokenKind::number, "3/8"},
                                                 {"⅝", TokenKind::number, "5/8"},
                                                 {"€", TokenKind::op, "€"},
                                                 {"£", TokenKind::op, "£"},
                                                 {"¥", TokenKind::op, "¥"},
                                                 {"（", TokenKind::open, "("},
                                                 {"）", TokenKind::close, ")"},
                                                 {"⁄", TokenKind::op, "/"},
                                                 {"，", TokenKind::op, ","},
                                                 {"；", TokenKind::op, ";"},
                                                 {"：", TokenKind::op, ":"},
                                                 {"＝", TokenKind::op, "="},
                                                 {"＋", TokenKind::op, "+"},
                                                 {"－", TokenKind::op, "-"},
                                                 {"％", TokenKind::op, "%"},
                                                 {"₹", TokenKind::op, "₹"},
                                                 {"¢", TokenKind::word, "cent"},
                                                 {"⟨", TokenKind::open, "langle"},
                                                 {"⟩", TokenKind::close, "rangle"},
                                                 {"⊂", TokenKind::op, "subset"},
                                                 {"⊆", TokenKind::op, "subset"},
                                                 {"∣", TokenKind::op, "mid"},
                                                 {"∧", TokenKind::op, "and"},
                                                 {"∨", TokenKind::op, "or"},
                                                 {"∀", TokenKind::name, "\\forall"},
                                                 {"δ", TokenKind::name, "\\delta"},
                                                 {"ε", TokenKind::name, "\\epsilon"},
                                                 {"μ", TokenKind::name, "\\mu"},
                                                 {"ρ", TokenKind::name, "\\rho"},
                                                 {"σ", TokenKind::name, "\\sigma"},
                                                 {"τ", TokenKind::name, "\\tau"},
                                                 {"ψ", TokenKind::name, "\\psi"},
                                                 {"Δ", TokenKind::name, "\\Delta"},
                                                 {"Ω", TokenKind::name, "\\Omega"},
                                                 {"ℂ", TokenKind::name, "\\mathbb{C}"},
                                                 {"⅖", TokenKind::number, "2/5"},
                                                 {"⅗", TokenKind::number, "3/5"},
                                                 {"⅘", TokenKind::number, "4/5"},
                                                 {"⅙", TokenKind::number, "1/6"},
                                                 {"⅚", TokenKind::number, "5/6"},
                                                 {"⅞", TokenKind::number, "7/8"}});

constexpr std::array<std::string_view, 10> kSuperscripts = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
constexpr std::array<std::string_view, 10> kSubscripts = {"₀", "₁", "₂", "₃", "₄", "₅", "₆", "₇", "₈", "₉"};
constexpr auto kSpaces =
    std::to_array<std::string_view>({"\u00A0", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006", "\u2007",
                                     "\u2008", "\u2009", "\u200A", "\u200B", "\u202F", "\u3000"});

}  // namespace pope
