package web

import (
	"strings"

	"sigill/vault/message"
)

// encrypted tells content that the sender encrypted before it was sealed, so that a reader learns why there is nothing
// to read: S/MIME (RFC 8551 section 3.2), OpenPGP (RFC 3156 section 4), or Microsoft's rights management.
func encrypted(ix *message.Index) string {
	for _, p := range ix.Walk() {
		switch p.Type + "/" + p.Subtype {
		case "application/pkcs7-mime", "application/x-pkcs7-mime":
			if kind := strings.ToLower(p.Param("smime-type")); kind != "signed-data" && kind != "certs-only" {
				return "smime"
			}
		case "multipart/encrypted":
			return "pgp"
		case "application/x-microsoft-rpmsg-message":
			return "rms"
		}
	}
	return ""
}
