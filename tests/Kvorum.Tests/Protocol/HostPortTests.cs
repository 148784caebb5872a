using Kvorum.Protocol;

namespace Kvorum.Tests.Protocol;

public sealed class HostPortTests
{
    [Theory]
    [InlineData("host:1", "host", 1)]
    [InlineData("[::1]:65535", "::1", 65535)]
    [InlineData("1.2.3.4:80", "1.2.3.4", 80)]
    [InlineData(":80", "", 80)]
    [InlineData("host:0", "host", 0)]
    public void Host_and_port_are_read(string text, string host, int port)
    {
        Assert.Equal(new HostPort(host, port), HostPort.TryParse(text));
        Assert.Equal(host.Length > 0 && port > 0, HostPort.TryParse(text)!.Value.IsDialable);
    }

    [Theory]
    [InlineData("")]
    [InlineData("host")]
    [InlineData("host:")]
    [InlineData("host:+1")]
    [InlineData("host:65536")]
    [InlineData("::1:80")]
    [InlineData("http://host:80")]
    [InlineData("a host:80")]
    [InlineData("one,two:80")]
    [InlineData("id@host:80")]
    [InlineData("id=host:80")]
    public void What_is_no_host_and_port_is_null(string text) => Assert.Null(HostPort.TryParse(text));

    [Theory]
    [InlineData("::1:80", true)]
    [InlineData("[::1]:x", false)]
    [InlineData("host", false)]
    public void Brackets_are_hinted_at_where_an_address_looks_like_IPv6(string text, bool isHinted) =>
        Assert.Equal(isHinted, HostPort.Hint(text).Contains("[::1]:50051", StringComparison.Ordinal));

    [Theory]
    [InlineData("node-1=host:80", "; leave the id out: write host:80")]
    [InlineData("node-1@[::1]:80", "; leave the id out: write [::1]:80")]
    [InlineData("node-1=host", "")]
    public void An_id_before_an_address_is_hinted_at(string text, string hint) =>
        Assert.Equal(hint, HostPort.Hint(text));
}
