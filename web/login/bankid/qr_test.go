package bankid

import (
	"testing"
	"time"
)

// TestQRVectors are BankID's own.
func TestQRVectors(t *testing.T) {
	t.Parallel()
	const (
		token  = "67df3917-fa0d-44e5-b327-edcc928297f8"
		secret = "d28db9a7-4cde-429e-a983-359be676944c"
	)
	for since, want := range map[time.Duration]string{
		0:                       "0.dc69358e712458a66a7525beef148ae8526b1c71610eff2c16cdffb4cdac9bf8",
		999 * time.Millisecond:  "0.dc69358e712458a66a7525beef148ae8526b1c71610eff2c16cdffb4cdac9bf8",
		time.Second:             "1.949d559bf23403952a94d103e67743126381eda00f0b3cbddbf7c96b1adcbce2",
		2500 * time.Millisecond: "2.a9e5ec59cb4eee4ef4117150abc58fad7a85439a6a96ccbecc3668b41795b3f3",
	} {
		if got := qrData(token, secret, since); got != "bankid."+token+"."+want {
			t.Errorf("after %v: %s", since, got)
		}
	}
}

func TestReturnAddress(t *testing.T) {
	t.Parallel()
	const address = "https://sakert.example.se/login/bankid/wait?back=X"
	for agent, want := range map[string]string{
		"Mozilla/5.0 (iPhone) Version/19.0 Mobile Safari":   address,
		"Mozilla/5.0 (iPhone) CriOS/141.0 Mobile Safari":    "googlechromes://sakert.example.se/login/bankid/wait?back=X",
		"Mozilla/5.0 (iPhone) FxiOS/141.0 Mobile Safari":    "firefox://open-url?url=https%3A%2F%2Fsakert.example.se%2Flogin%2Fbankid%2Fwait%3Fback%3DX",
		"Mozilla/5.0 (iPhone) EdgiOS/141.0 Mobile Safari":   "microsoft-edge-https://sakert.example.se/login/bankid/wait?back=X",
		"Mozilla/5.0 (Linux; Android 16) Chrome/141 Mobile": address,
	} {
		if got := returnURL(address, agent); got != want {
			t.Errorf("%s: %s", agent, got)
		}
	}
}
