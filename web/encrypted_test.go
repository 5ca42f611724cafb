package web_test

import (
	"net/http"
	"testing"

	"sigill/web"
)

// What the sender encrypted is sealed as it is, and the page says why it cannot be read there.
func TestEncryptedContent(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	v := s.person(astridID)
	for _, row := range []struct{ why, header, want string }{
		{"S/MIME", "Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", "S/MIME"},
		{"an old S/MIME", "Content-Type: application/x-pkcs7-mime; name=smime.p7m", "S/MIME"},
		{"signed only", "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m", ""},
		{"OpenPGP", "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b", "OpenPGP"},
		{"rights management", "Content-Type: application/x-microsoft-rpmsg-message; name=message.rpmsg", "Microsoft"},
		{"nothing of the kind", "Content-Type: text/plain", ""},
	} {
		id := s.send("From: anna.ek@exempel.se\nSubject: x\nMIME-Version: 1.0\n"+row.header+"\n\n--b\n\nx\n--b--\n", astrid).ID.String()
		page := v.get("/messages/" + id).is(http.StatusOK)
		if row.want == "" {
			page.lacks("S/MIME", "OpenPGP", "Microsoft")
		} else {
			page.has(row.want)
		}
	}
}
