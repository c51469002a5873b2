// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/privacy/jwt.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>

#include "shared/privacy/impl/base64url.h"

namespace dvpe::privacy {
namespace {

namespace json = boost::json;
using base::ErrorCode;
using impl::encode64;

constexpr std::int64_t kNow = 1'800'000'000;

std::string text64(std::string_view text) { return encode64(base::view(text)); }

// A platform with a key of its own, which signs whatever it is asked to.
class Signer {
 public:
  enum class Type { kEd25519, kP256 };
  Signer(Type type, std::string kid) : type_(type), kid_(std::move(kid)) {
    key_ = type == Type::kP256 ? EVP_EC_gen("P-256") : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  }
  ~Signer() { EVP_PKEY_free(key_); }
  Signer(const Signer&) = delete;
  Signer& operator=(const Signer&) = delete;

  std::string algorithm() const { return type_ == Type::kP256 ? "ES256" : "EdDSA"; }

  json::object jwk() const {
    json::object out{{"kid", kid_}, {"use", "sig"}, {"alg", algorithm()}};
    std::array<unsigned char, 65> point{};
    std::size_t size = point.size();
    if (type_ == Type::kEd25519) {
      EXPECT_EQ(EVP_PKEY_get_raw_public_key(key_, point.data(), &size), 1);
      out["kty"] = "OKP";
      out["crv"] = "Ed25519";
      out["x"] = encode64({point.data(), 32});
    } else {
      EXPECT_EQ(EVP_PKEY_get_octet_string_param(key_, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(), &size), 1);
      EXPECT_EQ(size, 65u);
      out["kty"] = "EC";
      out["crv"] = "P-256";
      out["x"] = encode64({point.data() + 1, 32});
      out["y"] = encode64({point.data() + 33, 32});
    }
    return out;
  }

  std::string sign(const std::string& header, std::string_view payload) const {
    const std::string message = text64(header) + "." + text64(payload);
    std::array<unsigned char, 200> bytes{};
    std::size_t size = bytes.size();
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EXPECT_EQ(EVP_DigestSignInit(context, nullptr, type_ == Type::kP256 ? EVP_sha256() : nullptr, nullptr, key_), 1);
    EXPECT_EQ(EVP_DigestSign(context, bytes.data(), &size, reinterpret_cast<const unsigned char*>(message.data()),
                             message.size()),
              1);
    EVP_MD_CTX_free(context);
    if (type_ == Type::kEd25519) return message + "." + encode64({bytes.data(), size});
    const unsigned char* der = bytes.data();
    ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(size));
    std::array<unsigned char, 64> raw{};
    BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw.data(), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw.data() + 32, 32);
    ECDSA_SIG_free(signature);
    return message + "." + encode64(raw);
  }
  std::string sign(const json::object& claims) const {
    return sign(R"({"alg":")" + algorithm() + R"(","typ":"JWT","kid":")" + kid_ + "\"}", json::serialize(claims));
  }

 private:
  const Type type_;
  const std::string kid_;
  EVP_PKEY* key_ = nullptr;
};

std::string keySet(std::initializer_list<json::object> keys) {
  return json::serialize(json::object{{"keys", json::array(keys.begin(), keys.end())}});
}

json::object goodClaims() {
  return {{"iss", "platform"},
          {"sub", "viewer-1"},
          {"jti", "t-1"},
          {"exp", kNow + 600},
          {"iat", kNow},
          {"aud", "dvpe"},
          {"dvpe",
           {{"attributes", {{"country", "DE"}, {"interests", {{"sports", 0.5}}}}}, {"consent", {"personalised_ads"}}}}};
}

class Jwt : public ::testing::TestWithParam<Signer::Type> {
 protected:
  Signer signer{GetParam(), "k1"};
  Signer other{GetParam() == Signer::Type::kP256 ? Signer::Type::kEd25519 : Signer::Type::kP256, "k2"};
  PlatformKeys keys = PlatformKeys::parse(keySet({signer.jwk(), other.jwk()})).value();

  void expectRefused(const std::string& token, std::string_view audience = {}) {
    const auto result = keys.verify(token, kNow, audience);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kRefused);
    EXPECT_EQ(result.error().message.find("viewer-1"), std::string::npos);
  }
  std::string with(std::string_view name, const json::value& value) {
    json::object claims = goodClaims();
    claims[name] = value;
    return signer.sign(claims);
  }
  std::string without(std::string_view name) {
    json::object claims = goodClaims();
    claims.erase(name);
    return signer.sign(claims);
  }
  std::string withOwn(const json::value& own) { return with("dvpe", own); }
};

INSTANTIATE_TEST_SUITE_P(OfBothAlgorithms, Jwt, ::testing::Values(Signer::Type::kEd25519, Signer::Type::kP256),
                         [](const auto& type) { return type.param == Signer::Type::kP256 ? "ES256" : "EdDSA"; });

TEST_P(Jwt, ThatIsValidSaysWhoAsks) {
  const auto claims = keys.verify(signer.sign(goodClaims()), kNow, "dvpe");
  ASSERT_TRUE(claims) << claims.error().message;
  EXPECT_EQ(claims.value().issuer, "platform");
  EXPECT_EQ(claims.value().subject, "viewer-1");
  EXPECT_EQ(claims.value().id, "t-1");
  EXPECT_EQ(claims.value().expiry, kNow + 600);
  EXPECT_EQ(claims.value().channel, "");
  EXPECT_EQ(claims.value().consent, std::vector<std::string>{"personalised_ads"});
  EXPECT_EQ(std::get<std::string>(claims.value().attributes.at("country").v), "DE");
  const auto& interests = std::get<std::shared_ptr<const model::Map>>(claims.value().attributes.at("interests").v);
  EXPECT_EQ(std::get<double>(interests->at("sports").v), 0.5);
}

TEST_P(Jwt, MaySayNothingOfTheViewer) {
  const auto claims = keys.verify(without("dvpe"), kNow, "");
  ASSERT_TRUE(claims);
  EXPECT_TRUE(claims.value().attributes.empty());
  EXPECT_TRUE(claims.value().consent.empty());
  EXPECT_TRUE(keys.verify(withOwn(json::object{}), kNow, ""));
}

TEST_P(Jwt, NamesTheOneChannelThatItIsFor) {
  EXPECT_EQ(keys.verify(withOwn({{"channel", "news"}}), kNow, "").value().channel, "news");
  expectRefused(withOwn({{"channel", ""}}));
  expectRefused(withOwn({{"channel", 3}}));
  expectRefused(withOwn({{"channel", std::string(65, 'a')}}));
}

TEST_P(Jwt, WithAValidSignatureAndEmptyClaimsIsRefused) {
  expectRefused(signer.sign(json::object{}));
  for (const std::string payload : {"", "null", "[]", "\"x\"", "{", "7", "{}{}"}) {
    expectRefused(signer.sign(R"({"alg":")" + signer.algorithm() + R"(","kid":"k1"})", payload));
  }
}

TEST_P(Jwt, NeedsItsRequiredClaims) {
  for (const auto* name : {"exp", "sub", "jti"}) {
    expectRefused(without(name));
    expectRefused(with(name, nullptr));
    expectRefused(with(name, json::object{}));
  }
  expectRefused(with("sub", ""));
  expectRefused(with("jti", ""));
  expectRefused(with("sub", json::string(257, 's')));
  expectRefused(with("jti", json::string(129, 'j')));
  expectRefused(with("sub", 5));
  EXPECT_TRUE(keys.verify(with("sub", json::string(256, 's')), kNow, ""));
  EXPECT_TRUE(keys.verify(with("jti", json::string(128, 'j')), kNow, ""));
}

TEST_P(Jwt, IsValidFromItsTimeToItsTimeGiveOrTakeAMinute) {
  EXPECT_TRUE(keys.verify(with("exp", kNow + 0.5), kNow, ""));
  json::object late = goodClaims();
  late["exp"] = kNow - 59;
  late["iat"] = kNow - 600;
  EXPECT_TRUE(keys.verify(signer.sign(late), kNow, ""));
  late["exp"] = kNow - 60;
  expectRefused(signer.sign(late));
  EXPECT_TRUE(keys.verify(with("nbf", kNow + 60), kNow, ""));
  expectRefused(with("nbf", kNow + 61));
  EXPECT_TRUE(keys.verify(with("iat", kNow + 60), kNow, ""));
  expectRefused(with("iat", kNow + 61));
  expectRefused(with("iat", kNow + 601));
  for (const auto* name : {"exp", "nbf", "iat"}) {
    for (const json::value& bad : {json::value("1800000600"), json::value(-1), json::value(1e300), json::value(true),
                                   json::value(json::array{})}) {
      expectRefused(with(name, bad));
    }
  }
}

TEST_P(Jwt, IsForTheAudienceThatTheNodeIsPartOf) {
  EXPECT_TRUE(keys.verify(with("aud", json::array{"x", "dvpe"}), kNow, "dvpe"));
  expectRefused(with("aud", "dvpe2"), "dvpe");
  expectRefused(with("aud", json::array{}), "dvpe");
  expectRefused(with("aud", json::array{1, json::array{"dvpe"}}), "dvpe");
  expectRefused(with("aud", json::array(17, "dvpe")), "dvpe");
  expectRefused(without("aud"), "dvpe");
  EXPECT_TRUE(keys.verify(without("aud"), kNow, ""));
}

TEST_P(Jwt, IsRefusedWithAnyBitFlipped) {
  const std::string token = signer.sign(goodClaims());
  for (std::size_t i = 0; i < token.size(); ++i) {
    for (const int bit : {0, 3, 6}) {
      std::string flipped = token;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
      ASSERT_FALSE(keys.verify(flipped, kNow, "")) << i;
    }
    ASSERT_FALSE(keys.verify(token.substr(0, i), kNow, "")) << i;
  }
  expectRefused(token + "A");
  expectRefused(token + "=");
  expectRefused(token + ".");
  expectRefused(token + ".AAAA");
}

TEST_P(Jwt, IsRefusedUnderAnotherKey) {
  const Signer stranger(GetParam(), "k1"), unknown(GetParam(), "k9");
  expectRefused(stranger.sign(goodClaims()));
  expectRefused(unknown.sign(goodClaims()));
  const std::string claims = json::serialize(goodClaims());
  const std::string alg = R"({"alg":")" + signer.algorithm() + "\"";
  expectRefused(signer.sign(alg + R"(,"kid":"k2"})", claims));
  expectRefused(signer.sign(alg + "}", claims));  // two keys are known: which?
  expectRefused(signer.sign(alg + R"(,"kid":""})", claims));
  expectRefused(signer.sign(alg + R"(,"kid":1})", claims));
}

TEST_P(Jwt, NeverChoosesItsAlgorithmItself) {
  const std::string claims = json::serialize(goodClaims());
  for (const std::string alg : {"none", "None", "HS256", "RS256", "PS256", "ES384", "ES256K", "Ed25519", "eddsa", ""}) {
    expectRefused(signer.sign(R"({"alg":")" + alg + R"(","kid":"k1"})", claims));
  }
  expectRefused(signer.sign(R"({"alg":")" + other.algorithm() + R"(","kid":"k1"})", claims));
  expectRefused(signer.sign(R"({"kid":"k1"})", claims));
  expectRefused(signer.sign(R"({"alg":["EdDSA","ES256"],"kid":"k1"})", claims));
  expectRefused(text64(R"({"alg":"none","kid":"k1"})") + "." + text64(claims) + ".");
  // The public key as an HMAC secret.
  const std::string message = text64(R"({"alg":"HS256","kid":"k1"})") + "." + text64(claims);
  const std::string secret(signer.jwk().at("x").as_string());
  std::array<unsigned char, 32> mac{};
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(message.data()), message.size(), mac.data(), &size);
  expectRefused(message + "." + encode64(mac));
}

TEST_P(Jwt, MayNotDemandExtensions) {
  expectRefused(signer.sign(R"({"alg":")" + signer.algorithm() + R"(","kid":"k1","crit":["b64"],"b64":false})",
                            json::serialize(goodClaims())));
}

TEST_P(Jwt, IsBounded) {
  EXPECT_TRUE(keys.verify(withOwn({{"attributes", {{"bio", std::string(1000, 'x')}}}}), kNow, ""));
  json::object claims = goodClaims();
  claims["more"] = std::string(10'000, 'x');
  expectRefused(signer.sign(claims));
  expectRefused(std::string(10'240, 'A'));
  expectRefused(std::string(8192, '.'));
  expectRefused("");
  expectRefused("..");
  json::value deep = 1;
  for (int i = 0; i < 200; ++i) deep = json::array{std::move(deep)};
  expectRefused(withOwn({{"attributes", {{"deep", std::move(deep)}}}}));
  expectRefused(withOwn({{"consent", json::array(65, "x")}}));
  expectRefused(withOwn({{"consent", json::array{""}}}));
  expectRefused(withOwn({{"consent", "x"}}));
  expectRefused(withOwn({{"attributes", json::array{}}}));
  expectRefused(withOwn("x"));
  expectRefused(with("iss", json::string(257, 'i')));
}

TEST_P(Jwt, IsCheckedFastEnoughForARequestLoop) {
  const std::string token = signer.sign(goodClaims());
  constexpr int kTimes = 200;
  const auto before = std::chrono::steady_clock::now();
  for (int i = 0; i < kTimes; ++i) ASSERT_TRUE(keys.verify(token, kNow, "dvpe"));
  const std::chrono::duration<double, std::micro> each = (std::chrono::steady_clock::now() - before) / kTimes;
  std::printf("[  figure  ] verifying %s: %.0f us\n", signer.algorithm().c_str(), each.count());
  EXPECT_LT(each.count(), 5000) << "a hundred times what it takes";
}

TEST_P(Jwt, OfOnePlatformDoesNotSpeakForAnother) {
  json::object bound = signer.jwk();
  bound["iss"] = "platform";
  keys = PlatformKeys::parse(keySet({bound, other.jwk()})).value();
  EXPECT_TRUE(keys.verify(signer.sign(goodClaims()), kNow, ""));
  expectRefused(with("iss", "someone else"));
  expectRefused(without("iss"));
}

TEST(AKeySet, SaysWhatIsWrongWithIt) {
  const Signer ed(Signer::Type::kEd25519, "a"), ec(Signer::Type::kP256, "b");
  const auto refused = [](const std::string& text) {
    const auto keys = PlatformKeys::parse(text);
    return !keys && keys.error().code == ErrorCode::kInvalidInput;
  };
  for (const auto* text :
       {"", "{}", "[]", R"({"keys":{}})", R"({"keys":[]})", R"({"keys":[1]})", R"({"keys":[{}]})", "{\"keys\":["})
    EXPECT_TRUE(refused(text)) << text;
  json::object jwk = ed.jwk();
  jwk["d"] = "AAAA";
  EXPECT_TRUE(refused(keySet({jwk})));
  EXPECT_TRUE(refused(keySet({ed.jwk(), ed.jwk()}))) << "the same kid twice";
  jwk = ed.jwk();
  jwk.erase("kid");
  EXPECT_TRUE(refused(keySet({jwk, ec.jwk()})));
  EXPECT_EQ(PlatformKeys::parse(keySet({jwk})).value().size(), 1u);
  jwk["x"] = "AAAA";
  EXPECT_TRUE(refused(keySet({jwk})));
  jwk = ec.jwk();
  jwk["y"] = ec.jwk().at("x");
  EXPECT_TRUE(refused(keySet({jwk}))) << "not on the curve";
  EXPECT_TRUE(refused(keySet({ed.jwk()}) + std::string(70'000, ' ')));
  json::array many(65, ed.jwk());
  EXPECT_TRUE(refused(json::serialize(json::object{{"keys", many}})));
}

TEST(AKeySet, PassesOverWhatIsNotForIt) {
  const Signer ed(Signer::Type::kEd25519, "a");
  json::object enc = ed.jwk(), ops = ed.jwk(), otherAlg = ed.jwk();
  enc["use"] = "enc";
  ops["key_ops"] = json::array{"sign"};
  otherAlg["alg"] = "ES256";
  const auto keys = PlatformKeys::parse(keySet(
      {ed.jwk(), enc, ops, otherAlg, {{"kty", "RSA"}, {"n", "AQAB"}, {"e", "AQAB"}}, {{"kty", "oct"}, {"k", "AAAA"}}}));
  ASSERT_TRUE(keys) << keys.error().message;
  EXPECT_EQ(keys.value().size(), 1u);
  EXPECT_EQ(keys.value().ignored(), 5u);
}

// RFC 8037, appendix A.4: Ed25519.
TEST(TheExamplesOfTheRfcs, OpenWithEd25519) {
  const auto keys = PlatformKeys::parse(
                        R"({"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})")
                        .value();
  const std::string token =
      "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
      "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
  ASSERT_TRUE(keys.open(token));
  EXPECT_EQ(keys.open(token).value(), "Example of Ed25519 signing");
  EXPECT_FALSE(keys.verify(token, kNow, "")) << "a payload without claims";
}

// RFC 7515, appendix A.3: ES256.
TEST(TheExamplesOfTheRfcs, OpenWithEs256) {
  const auto keys =
      PlatformKeys::parse(R"({"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
                          R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})")
          .value();
  const std::string token =
      "eyJhbGciOiJFUzI1NiJ9."
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
      "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
  ASSERT_TRUE(keys.open(token));
  EXPECT_EQ(keys.open(token).value(),
            "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}");
  EXPECT_FALSE(keys.verify(token, kNow, ""));
}

}  // namespace
}  // namespace dvpe::privacy
