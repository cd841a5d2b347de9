@0xd5a1c8f2b7e94036;

interface Sink {
  push @0 (data :Data) -> stream;
  end @1 () -> (count :UInt64);
}

interface Echo {
  echo @0 (data :Data) -> (data :Data);
  echoPending @1 (data :Data) -> (data :Data);
  fetch @2 (size :UInt64) -> (data :Data);
  compute @3 (micros :UInt64);

  serverStream @4 (messages :UInt64, into :Sink) -> (count :UInt64);
  # Pushes so many messages, ends the sink, and returns what it counted.

  clientStream @5 () -> (sink :Sink);
  # A sink that counts.

  bidiStream @6 (into :Sink) -> (sink :Sink);
  # A sink that passes everything on.
}
