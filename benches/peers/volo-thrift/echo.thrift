namespace rs peers

service Echo {
    binary echo(1: binary payload),
    binary echo_pending(1: binary payload),
    binary fetch(1: i64 size),
    void compute(1: i64 micros),
}
