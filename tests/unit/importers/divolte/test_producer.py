"""Properties of Kafka's Java producer as settings of ours."""


def test_how_kafka_is_entered(read):
    producer = """
      security.protocol = SASL_SSL, sasl.mechanism = SCRAM-SHA-512
      sasl.jaas.config = "org.apache.kafka.X required username=\\"me\\" password=\\"it's\\\\\\"s\\";"
      bootstrap.servers = ${SERVERS}
    """
    text = f"divolte {{ global.kafka {{ enabled = true, producer {{ {producer} }} }}\n sinks.k.type = kafka }}"
    found = read(text, {"SERVERS": "a:1, b:2"})
    sink = found.settings["collector"]["sinks"]["k"]
    assert sink == {
        "type": "kafka",
        "topic": "divolte",
        "servers": ["a:1", "b:2"],
        "tls": True,
        "sasl": "SCRAM-SHA-512",
        "user": "me",
        "password": "it's\"s",
    }
    assert found.secret
    assert any("$SERVERS" in remark.reason for remark in found.remarks)
    kerberos = read(text.replace("SCRAM-SHA-512", "GSSAPI"), {"SERVERS": "a:1"})
    assert [remark.what for remark in kerberos.lost] == ["divolte.global.kafka.producer.sasl.mechanism"]
