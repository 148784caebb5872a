using System.Security.Cryptography.X509Certificates;
using Kvorum.Server.Certificates;

namespace Kvorum.Tests.Server.Certificates;

public sealed class JoinTokenTests : IDisposable
{
    private readonly X509Certificate2 _authority = Authority();
    private readonly JoinToken _token;

    public JoinTokenTests() => _token = JoinToken.Draw(_authority);

    private static JoinBundle Bundle => new()
    {
        Node = "node-2",
        Certificate = "certificate",
        Key = "the private key",
        Authorities = "authorities",
        Lists = "lists",
    };

    public void Dispose() => _authority.Dispose();

    [Fact]
    public void What_is_sealed_is_read_with_the_same_token_only()
    {
        var read = JoinToken.Parse(_token.Reveal() + "\n");
        Assert.Equal(_token.Id, read.Id);
        Assert.Equal(_token.Proof, read.Proof);
        Assert.Equal(_token.ProofHash, read.ProofHash);
        var made = _token.Seal(Bundle);
        var opened = read.Open(made);
        Assert.Equal(
            (Bundle.Node, Bundle.Certificate, Bundle.Key, Bundle.Authorities, Bundle.Lists),
            (opened.Node, opened.Certificate, opened.Key, opened.Authorities, opened.Lists));
        Assert.NotEqual(made, _token.Seal(Bundle));
        Assert.True(made.AsSpan().IndexOf("private"u8) < 0);
        Assert.Throws<FormatException>(() => JoinToken.Draw(_authority).Open(made));
        for (var at = 0; at < made.Length; at++)
        {
            var changed = made.ToArray();
            changed[at] ^= 1;
            Assert.Throws<FormatException>(() => _token.Open(changed));
            Assert.Throws<FormatException>(() => _token.Open(made.AsSpan(0, at)));
        }
    }

    /// <summary>What is shown to the cluster opens nothing, and what the cluster keeps proves
    /// nothing.</summary>
    [Fact]
    public void Proof_hash_key_and_secret_are_told_apart()
    {
        var text = _token.Reveal();
        Assert.NotEqual(_token.Proof, _token.ProofHash);
        Assert.DoesNotContain(Base64(_token.Proof), text, StringComparison.Ordinal);
        Assert.Equal($"join token {_token.Id}", $"{_token}");

        static string Base64(byte[] bytes) => Convert.ToBase64String(bytes).TrimEnd('=')
            .Replace('+', '-').Replace('/', '_');
    }

    [Fact]
    public void A_token_knows_its_CA()
    {
        using var other = Authority();
        var read = JoinToken.Parse(_token.Reveal());
        Assert.True(read.Trusts(_authority));
        Assert.False(read.Trusts(other));
    }

    [Fact]
    public void What_is_no_token_is_not_repeated()
    {
        var text = _token.Reveal();
        foreach (var wrong in new[]
        {
            "", "kvorum-join_", text[..^1], text + "A", text[1..], text.ToUpperInvariant(),
            text.Replace('_', '-'), $"kvorum_{text[12..]}", text[..29] + "!" + text[30..],
        })
        {
            var refused = Assert.Throws<FormatException>(() => JoinToken.Parse(wrong));
            Assert.Contains("it is no join token", refused.Message, StringComparison.Ordinal);
            Assert.True(
                wrong.Length < 20 || !refused.Message.Contains(wrong[20..], StringComparison.Ordinal));
        }
    }

    private static X509Certificate2 Authority() =>
        CertificateMaker.Authority("CA", DateTimeOffset.UtcNow, TimeSpan.FromDays(1));
}
