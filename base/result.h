// Result<T, E>: the value, or the reason why there is none. Our small nodiscard twin of C++23's
// std::expected; E is a small enum on the query path, a text with place and cure elsewhere.
#pragma once

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace rampart::base {

/// Marks the error branch: `return Error{WireError::kShort};`
template <class E>
struct Error {
  E value;
};
template <class E>
Error(E) -> Error<E>;

template <class T, class E>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit on purpose
  template <class F>
  Result(Error<F> error) : state_(std::in_place_index<1>, std::move(error.value)) {}  // NOLINT

  [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  T& value() & noexcept { assert(ok()); return *std::get_if<0>(&state_); }
  const T& value() const& noexcept { assert(ok()); return *std::get_if<0>(&state_); }
  T&& value() && noexcept { assert(ok()); return std::move(*std::get_if<0>(&state_)); }
  T& operator*() & noexcept { return value(); }
  const T& operator*() const& noexcept { return value(); }
  T&& operator*() && noexcept { return std::move(*this).value(); }
  T* operator->() noexcept { return &value(); }
  const T* operator->() const noexcept { return &value(); }

  const E& error() const noexcept { assert(!ok()); return *std::get_if<1>(&state_); }

 private:
  std::variant<T, E> state_;
};

/// For operations that only succeed or fail with words.
struct Done {};
using Status = Result<Done, std::string>;

}  // namespace rampart::base
