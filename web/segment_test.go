package web

import "testing"

// TestEscaped: what a message says is text on a page, whatever it is.
func TestEscaped(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "Hej å!": "Hej å!", `<script src="x">&amp;'`: "&lt;script src=&#34;x&#34;&gt;&amp;amp;&#39;", "a\x00b": "a\ufffdb", "</div><!--": "&lt;/div&gt;&lt;!--",
	} {
		if got := string(escaped(text)); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
