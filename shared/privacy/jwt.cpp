// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/privacy/jwt.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <optional>

#include "shared/model/json.h"
#include "shared/privacy/impl/base64url.h"

namespace dvpe::privacy {

namespace json = boost::json;
using base::ErrorCode;
using base::fail;
using base::Result;

namespace {

constexpr std::size_t kMaxJwks = 65536;
constexpr std::size_t kMaxKid = 128, kMaxIssuer = 256, kMaxId = 128, kMaxSubject = 256, kMaxChannel = 64;
constexpr std::size_t kMaxAudiences = 16, kMaxConsent = 64;
constexpr std::size_t kHalf = 32;               // bytes of a coordinate, of r and of s; of an Ed25519 public key
constexpr std::int64_t kLatest = 253402300799;  // the end of the year 9999

template <class T, void (*Free)(T*)>
struct Freed {
  void operator()(T* p) const { Free(p); }
};
using Pkey = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;
using PkeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX, EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX, EVP_MD_CTX_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG, ECDSA_SIG_free>>;

std::optional<std::string> decoded(std::string_view text) {
  std::string out(text.size() * 3 / 4 + 1, '\0');
  const auto size = impl::decode64(text, reinterpret_cast<std::uint8_t*>(out.data()));
  if (!size) return std::nullopt;
  out.resize(*size);
  return out;
}

// What is wrong stays unsaid beyond the kind: the message goes to whoever sent the token.
std::optional<json::object> object(std::string_view text, std::size_t depth) {
  json::parse_options options;
  options.max_depth = depth;
  boost::system::error_code error;
  auto value = json::parse({text.data(), text.size()}, error, {}, options);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.as_object());
}

// A member that is text. absent: true when there is none; a member of another type or length makes it nothing.
std::optional<std::string_view> text(const json::object& o, std::string_view name, std::size_t most) {
  const auto* v = o.if_contains({name.data(), name.size()});
  if (v == nullptr || !v->is_string() || v->as_string().size() > most) return std::nullopt;
  return std::string_view(v->as_string().data(), v->as_string().size());
}

// True: absent, or text within the bound, which is then put into out.
bool optionalText(const json::object& o, std::string_view name, std::size_t most, std::string& out) {
  if (!o.contains({name.data(), name.size()})) return true;
  const auto found = text(o, name, most);
  if (found) out = *found;
  return found.has_value();
}

std::optional<std::array<std::uint8_t, kHalf>> half(const json::object& o, std::string_view name) {
  const auto encoded = text(o, name, 64);
  if (!encoded || encoded->size() != 43) return std::nullopt;
  std::array<std::uint8_t, kHalf + 1> bytes{};
  if (impl::decode64(*encoded, bytes.data()) != kHalf) return std::nullopt;
  std::array<std::uint8_t, kHalf> out{};
  std::copy_n(bytes.begin(), kHalf, out.begin());
  return out;
}

// RFC 8037, section 2.
Pkey ed25519(const json::object& jwk) {
  const auto x = half(jwk, "x");
  return Pkey(x ? ::EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, x->data(), x->size()) : nullptr);
}

// RFC 7518, section 6.2.1. OpenSSL refuses a point that is not on the curve.
Pkey p256(const json::object& jwk) {
  const auto x = half(jwk, "x"), y = half(jwk, "y");
  if (!x || !y) return nullptr;
  std::array<std::uint8_t, 1 + 2 * kHalf> point{4};
  std::copy(x->begin(), x->end(), point.begin() + 1);
  std::copy(y->begin(), y->end(), point.begin() + 1 + kHalf);
  std::array<char, 11> group{"prime256v1"};
  const std::array<OSSL_PARAM, 3> parameters{
      ::OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), 0),
      ::OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      ::OSSL_PARAM_construct_end()};
  const PkeyContext context(::EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* made = nullptr;
  if (!context || ::EVP_PKEY_fromdata_init(context.get()) != 1 ||
      ::EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, const_cast<OSSL_PARAM*>(parameters.data())) != 1) {
    return nullptr;
  }
  Pkey key(made);
  const PkeyContext checked(::EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  return checked && ::EVP_PKEY_public_check(checked.get()) == 1 ? std::move(key) : nullptr;
}

// r and s as JWS has them -> the DER that OpenSSL wants (RFC 7518, section 3.4).
std::string der(std::string_view raw) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(raw.data());
  const Signature signature(::ECDSA_SIG_new());
  BIGNUM* r = ::BN_bin2bn(bytes, kHalf, nullptr);
  BIGNUM* s = ::BN_bin2bn(bytes + kHalf, kHalf, nullptr);
  if (!signature || r == nullptr || s == nullptr || ::ECDSA_SIG_set0(signature.get(), r, s) != 1) {
    ::BN_free(r);
    ::BN_free(s);
    return {};
  }
  unsigned char* out = nullptr;
  const int size = ::i2d_ECDSA_SIG(signature.get(), &out);
  std::string result(reinterpret_cast<const char*>(out), size > 0 ? static_cast<std::size_t>(size) : 0);
  ::OPENSSL_free(out);
  return result;
}

bool signedBy(EVP_PKEY* key, const EVP_MD* digest, std::string_view message, std::string_view signature) {
  const DigestContext context(::EVP_MD_CTX_new());
  return context && ::EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
         ::EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                            reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1;
}

auto refused(const char* why) { return fail(ErrorCode::kRefused, why); }

// NumericDate (RFC 7519, section 2): seconds, perhaps with a fraction, which is cut off.
enum class Date { kAbsent, kGood, kBad };
Date date(const json::object& o, std::string_view name, std::int64_t& out) {
  const auto* v = o.if_contains({name.data(), name.size()});
  if (v == nullptr) return Date::kAbsent;
  double seconds = -1;
  if (v->is_number()) seconds = v->to_number<double>();
  if (!(seconds >= 0 && seconds <= static_cast<double>(kLatest))) return Date::kBad;
  out = static_cast<std::int64_t>(std::floor(seconds));
  return Date::kGood;
}

bool timely(const json::object& claims, std::int64_t now, std::int64_t& expiry) {
  std::int64_t notBefore = 0, issued = 0;
  if (date(claims, "exp", expiry) != Date::kGood || now >= expiry + kJwtLeeway) return false;
  if (date(claims, "nbf", notBefore) == Date::kBad || now + kJwtLeeway < notBefore) return false;
  return date(claims, "iat", issued) != Date::kBad && issued <= now + kJwtLeeway && issued <= expiry;
}

// `aud` is one text or a list of them (RFC 7519, section 4.1.3).
bool meant(const json::object& claims, std::string_view audience) {
  if (audience.empty()) return true;
  const auto* aud = claims.if_contains("aud");
  if (aud == nullptr) return false;
  const json::string_view wanted(audience.data(), audience.size());
  if (aud->is_string()) return aud->as_string() == wanted;
  if (!aud->is_array() || aud->as_array().size() > kMaxAudiences) return false;
  return std::any_of(aud->as_array().begin(), aud->as_array().end(),
                     [&](const json::value& v) { return v.is_string() && v.as_string() == wanted; });
}

bool readOwn(const json::object& claims, PlatformClaims& out) {
  const auto* own = claims.if_contains("dvpe");
  if (own == nullptr) return true;
  if (!own->is_object() || !optionalText(own->as_object(), "channel", kMaxChannel, out.channel)) return false;
  if (own->as_object().contains("channel") && out.channel.empty()) return false;
  if (const auto* attributes = own->as_object().if_contains("attributes")) {
    if (!attributes->is_object()) return false;
    auto value = model::parseValue(json::serialize(*attributes));
    if (!value) return false;
    const auto* map = std::get_if<std::shared_ptr<const model::Map>>(&value.value().v);
    if (map == nullptr) return false;
    out.attributes = **map;
  }
  if (const auto* consent = own->as_object().if_contains("consent")) {
    if (!consent->is_array() || consent->as_array().size() > kMaxConsent) return false;
    for (const auto& word : consent->as_array()) {
      if (!word.is_string() || word.as_string().empty() || word.as_string().size() > 64) return false;
      out.consent.emplace_back(word.as_string());
    }
  }
  return true;
}

}  // namespace

struct PlatformKeys::Key {
  std::string kid, issuer;
  std::string_view algorithm;
  Pkey key;

  bool verifies(std::string_view message, std::string_view signature) const {
    if (signature.size() != 2 * kHalf) return false;  // of both
    if (algorithm == "EdDSA") return signedBy(key.get(), nullptr, message, signature);
    const std::string encoded = der(signature);
    return !encoded.empty() && signedBy(key.get(), ::EVP_sha256(), message, encoded);
  }
};

struct PlatformKeys::Set {
  std::vector<Key> keys;
  std::size_t ignored = 0;
};

struct PlatformKeys::Opened {
  std::string payload;
  const Key* key = nullptr;
};

namespace {

// For checking signatures, as far as the key says (RFC 7517, 4.2 and 4.3).
bool forSignatures(const json::object& jwk) {
  if (const auto* use = jwk.if_contains("use"); use != nullptr && *use != "sig") return false;
  const auto* ops = jwk.if_contains("key_ops");
  if (ops == nullptr) return true;
  return ops->is_array() &&
         std::find(ops->as_array().begin(), ops->as_array().end(), json::value("verify")) != ops->as_array().end();
}

}  // namespace

Result<PlatformKeys> PlatformKeys::parse(std::string_view jwks) {
  const auto wrong = [](std::string why) { return fail(ErrorCode::kInvalidInput, "the key set " + std::move(why)); };
  if (jwks.size() > kMaxJwks) return wrong("is larger than 64 KB");
  const auto root = object(jwks, 8);
  const auto* list = root ? root->if_contains("keys") : nullptr;
  if (list == nullptr || !list->is_array()) return wrong(R"(is not {"keys":[...]} (RFC 7517, section 5))");
  if (list->as_array().size() > kMaxPlatformKeys)
    return wrong("holds more than " + std::to_string(kMaxPlatformKeys) + " keys");
  auto set = std::make_shared<Set>();
  for (std::size_t i = 0; i < list->as_array().size(); ++i) {
    const std::string number = "'s key " + std::to_string(i + 1) + " ";
    const auto* jwk = list->as_array()[i].if_object();
    if (jwk == nullptr) return wrong(number.substr(2) + "is not an object");
    if (jwk->contains("d")) return wrong("holds a private key: give the platform's public keys only");
    const auto kty = text(*jwk, "kty", 16), crv = text(*jwk, "crv", 16);
    const bool edwards = kty == "OKP" && crv == "Ed25519", curve = kty == "EC" && crv == "P-256";
    Key key;
    key.algorithm = edwards ? "EdDSA" : "ES256";
    std::string alg(key.algorithm);
    if (!optionalText(*jwk, "alg", 16, alg) || !optionalText(*jwk, "kid", kMaxKid, key.kid) ||
        !optionalText(*jwk, "iss", kMaxIssuer, key.issuer)) {
      return wrong("has a key whose alg, kid or iss is not a short text");
    }
    if ((!edwards && !curve) || alg != key.algorithm || !forSignatures(*jwk)) {
      ++set->ignored;
      continue;
    }
    key.key = edwards ? ed25519(*jwk) : p256(*jwk);
    if (!key.key) return wrong("has a key whose x or y is not one: number " + std::to_string(i + 1));
    set->keys.push_back(std::move(key));
  }
  if (set->keys.empty()) return wrong("holds no key for EdDSA (Ed25519) or ES256 (P-256)");
  for (const Key& key : set->keys) {
    const auto same = std::count_if(set->keys.begin(), set->keys.end(), [&](const Key& k) { return k.kid == key.kid; });
    if (same > 1 || (key.kid.empty() && set->keys.size() > 1))
      return wrong("holds several keys: each needs a kid of its own");
  }
  return PlatformKeys(std::move(set));
}

std::size_t PlatformKeys::size() const { return set_->keys.size(); }
std::size_t PlatformKeys::ignored() const { return set_->ignored; }

Result<PlatformKeys::Opened> PlatformKeys::check(std::string_view token) const {
  if (token.size() > kMaxJwt) return refused("the token is longer than 8 KB");
  const std::size_t first = token.find('.'), second = token.find('.', first == token.npos ? first : first + 1);
  if (second == token.npos || token.find('.', second + 1) != token.npos)
    return refused("the token is not a signed JWT");
  const auto header = decoded(token.substr(0, first));
  auto payload = decoded(token.substr(first + 1, second - first - 1));
  const auto signature = decoded(token.substr(second + 1));
  const auto fields = header ? object(*header, 4) : std::nullopt;
  if (!fields || !payload || !signature) return refused("the token is not a signed JWT");
  // Extensions that must be understood are not (RFC 7515, 4.1.11).
  if (fields->contains("crit")) return refused("the token asks for extensions");
  const Key* key = nullptr;
  if (const auto* kid = fields->if_contains("kid")) {
    const auto found = std::find_if(set_->keys.begin(), set_->keys.end(),
                                    [&](const Key& k) { return !k.kid.empty() && *kid == json::string_view(k.kid); });
    if (found != set_->keys.end()) key = &*found;
  } else if (set_->keys.size() == 1) {
    key = &set_->keys.front();
  }
  if (key == nullptr) return refused("the token's key is not known");
  if (text(*fields, "alg", 16) != key->algorithm) return refused("the token's algorithm is not its key's");
  if (!key->verifies(token.substr(0, second), *signature)) return refused("the token's signature is wrong");
  return Opened{std::move(*payload), key};
}

Result<std::string> PlatformKeys::open(std::string_view token) const {
  DVPE_TRY(auto opened, check(token));
  return std::move(opened.payload);
}

Result<PlatformClaims> PlatformKeys::verify(std::string_view token, std::int64_t now, std::string_view audience) const {
  DVPE_TRY(const auto opened, check(token));
  const auto claims = object(opened.payload, 12);
  if (!claims) return refused("the token's claims are not an object");
  PlatformClaims out;
  if (!timely(*claims, now, out.expiry)) return refused("the token has expired, is not valid yet, or has no expiry");
  const auto subject = text(*claims, "sub", kMaxSubject), id = text(*claims, "jti", kMaxId);
  if (!subject || subject->empty() || !id || id->empty()) return refused("the token needs a sub and a jti");
  out.subject = *subject;
  out.id = *id;
  if (!optionalText(*claims, "iss", kMaxIssuer, out.issuer) ||
      (!opened.key->issuer.empty() && out.issuer != opened.key->issuer)) {
    return refused("the token's issuer is not its key's");
  }
  if (!meant(*claims, audience)) return refused("the token is for another audience");
  if (!readOwn(*claims, out)) return refused("the token's dvpe claim is malformed");
  return out;
}

}  // namespace dvpe::privacy
