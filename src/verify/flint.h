// FLINT's and Arb's numbers as values of C++. Only what the verifier needs; no arithmetic of our own.
#pragma once

#include <acb.h>
#include <flint/fmpq.h>

#include <utility>

namespace pope {

// An exact rational number.
class Rational {
 public:
  Rational() { fmpq_init(v_); }
  explicit Rational(slong whole) {
    fmpq_init(v_);
    fmpq_set_si(v_, whole, 1);
  }
  Rational(const Rational& other) {
    fmpq_init(v_);
    fmpq_set(v_, other.v_);
  }
  Rational(Rational&& other) noexcept {
    fmpq_init(v_);
    fmpq_swap(v_, other.v_);
  }
  Rational& operator=(Rational other) noexcept {
    fmpq_swap(v_, other.v_);
    return *this;
  }
  ~Rational() { fmpq_clear(v_); }

  fmpq* get() { return v_; }
  const fmpq* get() const { return v_; }
  fmpz* num() { return fmpq_numref(v_); }
  fmpz* den() { return fmpq_denref(v_); }
  const fmpz* num() const { return fmpq_numref(v_); }
  const fmpz* den() const { return fmpq_denref(v_); }
  bool is_zero() const { return fmpq_is_zero(v_) != 0; }
  bool is_integer() const { return fmpz_is_one(den()) != 0; }
  int sign() const { return fmpq_sgn(v_); }
  slong bits() const { return static_cast<slong>(fmpz_bits(num()) + fmpz_bits(den())); }

 private:
  fmpq_t v_;
};

// An enclosure: a rectangle of complex numbers that is certain to hold the value.
class Ball {
 public:
  Ball() { acb_init(v_); }
  Ball(const Ball& other) {
    acb_init(v_);
    acb_set(v_, other.v_);
  }
  Ball(Ball&& other) noexcept {
    acb_init(v_);
    acb_swap(v_, other.v_);
  }
  Ball& operator=(Ball other) noexcept {
    acb_swap(v_, other.v_);
    return *this;
  }
  ~Ball() { acb_clear(v_); }

  acb_ptr get() { return v_; }
  acb_srcptr get() const { return v_; }
  arb_ptr re() { return acb_realref(v_); }
  arb_srcptr re() const { return acb_realref(v_); }
  arb_ptr im() { return acb_imagref(v_); }
  arb_srcptr im() const { return acb_imagref(v_); }
  bool is_real() const { return arb_is_zero(im()) != 0; }
  bool is_finite() const { return acb_is_finite(v_) != 0; }
  bool may_be_zero() const { return acb_contains_zero(v_) != 0; }

 private:
  acb_t v_;
};

}  // namespace pope
