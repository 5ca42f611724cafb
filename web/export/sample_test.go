package export

import (
	"strings"
	"time"
)

// sample is a message with a bit of everything.
func sample() Message {
	return Message{
		From:    "Anna Ek <anna.ek@exempel.se>",
		To:      []string{"Åsa Öberg <asa@example.org>"},
		Cc:      []string{"Socialtjänsten <social@exempel.se>"},
		Subject: "Beslut om stöd enligt socialtjänstlagen – komplettering av ansökan i ärende SN 2026/123 och kallelse till möte",
		Sent:    time.Date(2026, 8, 8, 12, 5, 0, 0, time.UTC), Received: time.Date(2026, 8, 8, 12, 5, 30, 0, time.UTC),
		Organisation: "Exempels kommun", Language: "sv", MessageID: "01J4ABCDEF@mail.exempel.se",
		Printed: time.Date(2026, 8, 9, 7, 30, 0, 0, time.UTC),
		Body: "Hej Åsa!\n\nVi har gått igenom din ansökan. " +
			strings.Repeat("Här kommer en längre text som ska brytas över flera rader på ett sätt som går att läsa. ", 8) +
			"\n\n" + strings.Repeat("Ännu ett stycke med text om mötet. ", 12) +
			"\n\n- Punkt ett\n- Punkt två: Ελληνικά, Кириллица, ő ł ŋ đ ŧ č š ž\n\nEmoji 😀 och 漢字.\n\n" +
			"Med vänlig hälsning\nAnna Ek\nSocialsekreterare\n\n> Den 7 augusti 2026 skrev Åsa Öberg:\n" +
			"> Hej, jag undrar när jag får svar.\n> https://www.exempel.se/" + strings.Repeat("mycketlångadress", 12) + "\n",
		Attachments: []Attachment{
			{Name: "Beslut.pdf", Type: "application/pdf", Size: 1234567, SHA256: [32]byte{1, 2, 3}},
			{Name: "Bilaga – karta.png", Type: "image/png", Size: 812},
		},
		Receipt: &Receipt{At: time.Date(2026, 8, 8, 12, 5, 33, 0, time.UTC), ID: "K7F3-9QXM-2PLA"},
	}
}

// rightToLeftSample is one in Arabic, Persian and Hebrew, with Swedish between.
func rightToLeftSample() Message {
	m := sample()
	m.Subject = "بخصوص: قرار المساعدة (SN 2026/123)"
	m.To = []string{"شیرین احمدی <shirin@example.org>"}
	m.Body = "السلام عليكم ورحمة الله،\nتم قبول طلبك رقم 123 بتاريخ 2026-08-08. (هذا مهم جداً) «اقتباس»\n" +
		strings.Repeat("نص طويل لكي ينكسر على عدة أسطر مع كلمات مثل Försäkringskassan في الوسط. ", 4) +
		"\nمی\u200cخواهم با شما صحبت کنم\nשלום עולם, פגישה ב-10:30 בבית (חדר 5).\nHej שלום 123 עולם på svenska.\nՀայերեն ქართული ǯ\n"
	return m
}
