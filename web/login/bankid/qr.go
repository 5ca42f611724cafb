package bankid

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// qrData is what the QR code says so long after the order was answered: it changes every whole second.
func qrData(token, secret string, since time.Duration) string {
	seconds := strconv.Itoa(int(since / time.Second))
	return "bankid." + token + "." + seconds + "." + qrAuthCode(secret, seconds)
}

func qrAuthCode(secret, seconds string) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(seconds))
	return hex.EncodeToString(m.Sum(nil))
}
