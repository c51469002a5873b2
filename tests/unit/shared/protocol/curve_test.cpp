// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/protocol/curve.h"

#include <gtest/gtest.h>

namespace dvpe::protocol {
namespace {

TEST(Curve, MakesPairsThatBelongTogether) {
  const CurveKeys keys = generateCurve(), other = generateCurve();
  EXPECT_TRUE(isCurveKey(keys.publicKey));
  EXPECT_TRUE(isCurveKey(keys.secretKey));
  EXPECT_NE(keys.publicKey, other.publicKey);
  EXPECT_EQ(curvePublic(keys.secretKey).value(), keys.publicKey);
  EXPECT_TRUE(parseCurve(keys.publicKey, keys.secretKey).has_value());
  EXPECT_EQ(parseCurve(keys.publicKey, other.secretKey).error().code, base::ErrorCode::kInvalidInput);
}

TEST(Curve, ComputesThePublicHalfAsTheStandardSays) {
  // The pair of the libzmq manual, zmq_curve_public(3).
  EXPECT_EQ(curvePublic("D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs").value(),
            "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID");
}

TEST(Curve, RefusesWhatIsNoKeyAndDoesNotRepeatIt) {
  const std::string good = generateCurve().secretKey;
  for (const std::string& bad : {std::string(), good.substr(1), good + "0", std::string(40, '~'), std::string(40, '#'),
                                 std::string(40, '\0'), good.substr(0, 39) + "\n"}) {
    EXPECT_FALSE(isCurveKey(bad)) << bad;
    const auto refused = curvePublic(bad);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().message, "a CURVE key has 40 characters (Z85)");
  }
}

}  // namespace
}  // namespace dvpe::protocol
