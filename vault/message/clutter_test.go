package message_test

import (
	"testing"

	"sigill/vault/message"
)

// TestUncluttered: what servers leave for each other goes, with the lines that continue it; what programs may list stays.
func TestUncluttered(t *testing.T) {
	t.Parallel()
	const header = "Received: from a\r\n\tby b\r\n" +
		"dkim-signature: v=1;\r\n b=abc\r\n\tdef\r\n" +
		"ARC-Seal: i=1\r\n" +
		"From: Bo <bo@kommun.example>\r\n" +
		"Authentication-Results-Original: none\r\n" +
		"X-MS-Exchange-Organization-SCL: -1\r\n" +
		"X-Microsoft-Antispam-Message-Info:\r\n =?utf-8?q?long?=\r\n" +
		"X-MSMail-Priority: High\r\n" +
		"Subject: X-MS-\r\n X-MS-Trace: no field\r\n" +
		"X-MS-Has-Attach:\n" +
		"\r\n"
	const want = "Received: from a\r\n\tby b\r\n" +
		"From: Bo <bo@kommun.example>\r\n" +
		"X-MSMail-Priority: High\r\n" +
		"Subject: X-MS-\r\n X-MS-Trace: no field\r\n" +
		"\r\n"
	if got := string(message.AppendUncluttered(nil, []byte(header))); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for name, is := range map[string]bool{"x-ms-tnef-correlator": true, "ARC-SEAL": true, "Received": false, "X-Priority": false, "X-M": false, "": false} {
		if message.Clutter(name) != is {
			t.Errorf("%s: clutter %v", name, !is)
		}
	}
}
