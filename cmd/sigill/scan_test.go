package main

import (
	"errors"
	"io"
	"strings"
	"testing"

	"sigill/cmd/sigill/internal/config"
	"sigill/policy"
	"sigill/vault"
	"sigill/vault/clamd/clamdtest"
)

func TestCheckScanner(t *testing.T) {
	t.Parallel()
	ready := clamdtest.Start(t, "StreamMaxLength 3M", "MaxFileSize 2M", "AlertExceedsMax yes")
	for _, row := range []struct {
		reason string
		scan   config.Scan
		size   config.Size
		want   string
	}{
		{"nobody is asked", config.Scan{}, 5 << 20, ""},
		{"clamd takes what we take", config.Scan{Clamd: ready}, 1 << 20, ""},
		{"clamd takes less", config.Scan{Clamd: ready}, 5 << 20, "set StreamMaxLength in clamd.conf to 5242880"},
		{"clamd takes it and looks at less", config.Scan{Clamd: ready}, 5 << 19, "set MaxFileSize and MaxScanSize in clamd.conf to 2621440"},
		{"nobody is there", config.Scan{Clamd: t.TempDir() + "/none"}, 1 << 20, "no such file"},
	} {
		err := checkScanner(t.Context(), config.Config{Scan: row.scan, Limits: config.Limits{MessageSize: row.size}})
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", row.reason, err)
		}
	}
}

// TestConfiguredScanner deposits the test file in a vault that is opened as the configuration says.
func TestConfiguredScanner(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(vault.CreateKeyFile(dir + "/key"))
	c := config.Default()
	c.Vault.Dir, c.Vault.KeyFile, c.Scan.Clamd = config.File(dir+"/vault"), config.File(dir+"/key"), clamdtest.Start(t)
	v, err := openVault(t.Context(), c, nil, nil)
	must(err)
	defer v.Close()
	anna := policy.MustAddress("anna@kommun.example")
	must(v.Directory().PutFunctionAddress(t.Context(), vault.FunctionAddress{Address: anna}))
	for _, row := range []struct {
		text  string
		found bool
	}{{"Hej", false}, {string(clamdtest.Eicar()), true}} {
		draft := v.Depositor().Begin(vault.Deposit{From: anna, Recipients: []policy.Recipient{{Address: anna, Kind: policy.Colleague}}})
		_, err := io.WriteString(draft, "From: anna@kommun.example\r\nMIME-Version: 1.0\r\nContent-Disposition: attachment; filename=a.doc\r\n\r\n"+row.text)
		must(err)
		_, err = draft.Commit(t.Context())
		if suspect, ok := errors.AsType[*vault.SuspectError](err); ok != row.found || ok && suspect.Found != clamdtest.Signature || !ok && err != nil {
			t.Errorf("%.10q: %v", row.text, err)
		}
	}
}
