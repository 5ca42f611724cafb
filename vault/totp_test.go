package vault

import (
	"testing"
	"time"
)

// TestTOTPVectors are those of RFC 6238 appendix B for SHA-1, of whose eight digits six are ours.
func TestTOTPVectors(t *testing.T) {
	t.Parallel()
	secret := []byte("12345678901234567890")
	for _, row := range []struct {
		at   int64
		want string
	}{
		{59, "94287082"}, {1111111109, "07081804"}, {1111111111, "14050471"}, {1234567890, "89005924"}, {2000000000, "69279037"}, {20000000000, "65353130"},
	} {
		if got := hotp(secret, uint64(row.at)/totpStep); got != row.want[2:] {
			t.Errorf("at %d: %s, want %s", row.at, got, row.want[2:])
		}
	}
	// RFC 4226 appendix D.
	for counter, want := range []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"} {
		if got := hotp(secret, uint64(counter)); got != want {
			t.Errorf("counter %d: %s, want %s", counter, got, want)
		}
	}
}

func TestTOTPSteps(t *testing.T) {
	t.Parallel()
	secret, now := NewTOTPSecret(), time.Unix(1_800_000_015, 0)
	const step = 1_800_000_000 / totpStep
	for _, row := range []struct {
		why  string
		code string
		last uint64
		ok   bool
	}{
		{"now", hotp(secret, step), 0, true},
		{"a clock that is late", hotp(secret, step-1), 0, true},
		{"a clock that is early", hotp(secret, step+1), 0, true},
		{"too late", hotp(secret, step-2), 0, false},
		{"too early", hotp(secret, step+2), 0, false},
		{"used", hotp(secret, step), step, false},
		{"before one that was used", hotp(secret, step-1), step, false},
		{"after one that was used", hotp(secret, step+1), step, true},
		{"nothing", "", 0, false},
	} {
		if _, ok := stepOf(secret, row.code, now, row.last); ok != row.ok {
			t.Errorf("%s: %v", row.why, ok)
		}
	}
}

// TestRecoveryCodesOfBefore: they lay in the app's record before there were passkeys.
func TestRecoveryCodesOfBefore(t *testing.T) {
	t.Parallel()
	rec := accountRecord{TOTP: &totpRecord{Recovery: [][]byte{{1}, {2}}}}
	old := rec.TOTP
	if got := *rec.codes(); len(got) != 2 || rec.TOTP.Recovery != nil || len(*rec.codes()) != 2 || len(old.Recovery) != 2 {
		t.Errorf("%v, %+v, %+v", got, rec.TOTP, old)
	}
}

// CodeForTest is what an app shows.
func CodeForTest(secret []byte, at time.Time) string { return hotp(secret, uint64(at.Unix())/totpStep) }
