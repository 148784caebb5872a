using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Kvorum.Server.Certificates;

namespace Kvorum.Tests.Server.Certificates;

public class AuthoritiesTests
{
    private static readonly DateTimeOffset Now = new(2030, 5, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Year = TimeSpan.FromDays(365);

    private static readonly X509Certificate2 Root = CertificateMaker.Authority("Root", Now, Year);
    private static readonly X509Certificate2 Node = Signed(CertificateRole.Node, "n1");

    [Theory]
    [InlineData("node-1")]
    [InlineData("Knoten ä/1%2F?")]
    [InlineData("6b7f5cbb-95c4-4c5c-8f8e-2d3a4c0f3e11")]
    public void A_certificate_names_its_role_and_holder(string name)
    {
        using var made = Signed(CertificateRole.Client, name);
        Assert.Equal(new(CertificateRole.Client, name), CertificateName.Of(made, out _));
        Assert.StartsWith(
            "kvorum:client/", new CertificateName(CertificateRole.Client, name).ToUri().OriginalString,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_node_s_certificate_is_believed_for_both_sides_and_names_its_hosts()
    {
        var all = new Authorities([Root], []);
        Assert.Null(all.Judge(Node, [], isServer: true, Now).Why);
        Assert.Equal(new(CertificateRole.Node, "n1"), all.Judge(Node, [], isServer: false, Now).Name);
        Assert.True(Node.MatchesHostname("n1.example", allowCommonName: false));
        Assert.True(Node.MatchesHostname("10.0.0.7", allowCommonName: false));
        Assert.False(Node.MatchesHostname("n1", allowCommonName: true));
    }

    [Fact]
    public void What_a_certificate_is_refused_for_is_told()
    {
        var all = new Authorities([Root], []);
        using var stranger = CertificateMaker.Authority("Root", Now, Year);
        using var client = Signed(CertificateRole.Client, "alice");
        using var late = CertificateMaker.Issue(
            Root, new(CertificateRole.Node, "n1"), [], Now + TimeSpan.FromDays(9), TimeSpan.FromDays(2));
        Assert.Contains("is not valid before 2030-05-10", Why(late), StringComparison.Ordinal);
        Assert.Contains(
            "CN=n1 has expired at 2030-05-12",
            all.Judge(late, [], isServer: false, Now + TimeSpan.FromDays(20)).Why!, StringComparison.Ordinal);
        Assert.Contains(
            "extended key usage", all.Judge(client, [], isServer: true, Now).Why!, StringComparison.Ordinal);
        Assert.Contains(
            "by no CA of the CA file",
                new Authorities([stranger], []).Judge(Node, [], isServer: false, Now).Why!,
            StringComparison.Ordinal);
        // A node is no CA, although it has a key.
        using var forged = Forged(Node);
        Assert.NotNull(all.Judge(forged, [Node], isServer: false, Now).Why);
        string Why(X509Certificate2 one) => all.Judge(one, [], isServer: false, Now).Why!;
    }

    [Fact]
    public void A_certificate_without_one_role_names_nobody()
    {
        foreach (var (uris, told) in new (string[], string)[]
        {
            ([], "it has no role"), (["kvorum:node/a", "kvorum:client/b"], "it has 2 kvorum: names"),
            (["kvorum:king/a"], "'kvorum:king/a' is no"), (["kvorum:node/"], "is no kvorum:node/NAME"),
            (["https://example/kvorum:node/a"], "it has no role"),
        })
        {
            using var made = WithNames(uris);
            Assert.Null(CertificateName.Of(made, out var why));
            Assert.Contains(told, why, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_revoked_certificate_is_refused_and_one_that_was_believed_is_so_no_longer()
    {
        using var other = Signed(CertificateRole.Node, "n2");
        var before = new Authorities([Root], []);
        var after = new Authorities([Root], [RevocationList.Read(List(Node), [Root])]);
        Assert.Contains(
            $"serial number {Node.SerialNumber} is revoked", after.Judge(Node, [], isServer: false, Now).Why!,
            StringComparison.Ordinal);
        Assert.Null(after.Judge(other, [], isServer: false, Now).Why);
        Assert.Contains(
            "is revoked", after.WhyNoLonger(before.Judge(Node, [], true, Now))!, StringComparison.Ordinal);
        Assert.Null(after.WhyNoLonger(before.Judge(other, [], true, Now)));
        using var successor = CertificateMaker.Authority("Next", Now, Year);
        Assert.Contains(
            "its CA is not in the CA file",
            new Authorities([successor], []).WhyNoLonger(before.Judge(other, [], true, Now))!,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_list_is_believed_with_the_signature_of_its_CA_only_and_in_its_time()
    {
        var good = List(Node);
        using var twin = CertificateMaker.Authority("Root", Now, Year);
        using var another = CertificateMaker.Authority("Another", Now, Year);
        Assert.Equal([Node.SerialNumber], RevocationList.Read(good, [another, twin, Root]).Serials);
        Assert.Contains("is not by CN=Root", Wrong(good, twin), StringComparison.Ordinal);
        Assert.Contains("is no CA of the CA file", Wrong(good, another), StringComparison.Ordinal);
        var list = RevocationList.Read(good, [Root]);
        Assert.Null(list.WhyNotAt(Now));
        Assert.Contains(
            "in the future", list.WhyNotAt(Now - TimeSpan.FromDays(1))!, StringComparison.Ordinal);
        Assert.Contains("it ended at", list.WhyNotAt(Now + TimeSpan.FromDays(31))!, StringComparison.Ordinal);
    }

    [Fact]
    public void A_list_that_was_changed_anywhere_is_refused()
    {
        var good = List(Node);
        for (var at = 0; at < good.Length; at++)
        {
            var bad = (byte[])good.Clone();
            bad[at] ^= 1;
            Assert.Throws<FormatException>(() => RevocationList.Read(bad, [Root]));
            Assert.Throws<FormatException>(() => RevocationList.Read(good.AsMemory(0, at), [Root]));
        }
    }

    [Fact]
    public void Lists_signed_with_RSA_and_longer_hashes_are_read()
    {
        using var rsa = RSA.Create(2048);
        var request = new CertificateRequest(
            "CN=Rsa", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        using var authority = request.CreateSelfSigned(Now, Now + Year);
        foreach (var hash in new[] { HashAlgorithmName.SHA256, HashAlgorithmName.SHA384,
            HashAlgorithmName.SHA512 })
        {
            var builder = new CertificateRevocationListBuilder();
            builder.AddEntry([0x7F, 1], Now);
            builder.AddEntry([0x11], Now, X509RevocationReason.KeyCompromise);
            var der = builder.Build(authority, 7, Now + Year, hash, RSASignaturePadding.Pkcs1, Now);
            Assert.Equal(
                ["11", "7F01"], RevocationList.Read(der, [authority]).Serials.Order(StringComparer.Ordinal));
        }
    }

    [Fact]
    public void Files_that_hold_something_else_are_told()
    {
        var key = Root.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem();
        Assert.Throws<FormatException>(() => CertificateFiles.Certificates("no PEM"u8));
        Assert.Throws<FormatException>(
            () => CertificateFiles.WithKey(Node, System.Text.Encoding.ASCII.GetBytes(key)));
        Assert.Throws<FormatException>(() => CertificateFiles.Lists("-----BEGIN X-----"u8.ToArray(), [Root]));
        var two = CertificateFiles.ListPem(List(Node)) + CertificateFiles.ListPem(List());
        Assert.Equal(2, CertificateFiles.Lists(System.Text.Encoding.ASCII.GetBytes(two), [Root]).Length);
        Assert.Single(CertificateFiles.Lists(List(Node), [Root]));
    }

    private static string Wrong(byte[] list, X509Certificate2 authority) =>
        Assert.Throws<FormatException>(() => RevocationList.Read(list, [authority])).Message;

    private static byte[] List(params X509Certificate2[] revoked) => CertificateMaker.List(
        Root, revoked.Select(static one => one.SerialNumber), Now, TimeSpan.FromDays(30));

    private static X509Certificate2 Signed(CertificateRole role, string name) => CertificateMaker.Issue(
        Root, new(role, name), role == CertificateRole.Node ? ["n1.example", "10.0.0.7"] : [], Now,
        TimeSpan.FromDays(90));

    private static X509Certificate2 WithNames(string[] uris)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=kvorum:node/a", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("kvorum");
        foreach (var uri in uris)
            names.AddUri(new(uri));
        request.CertificateExtensions.Add(names.Build());
        return request.CreateSelfSigned(Now, Now + Year);
    }

    private static X509Certificate2 Forged(X509Certificate2 signer)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var own = signer.GetECDsaPrivateKey()!;
        var request = new CertificateRequest("CN=evil", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddUri(new("kvorum:node/n1"));
        request.CertificateExtensions.Add(names.Build());
        return request.Create(
            signer.SubjectName, X509SignatureGenerator.CreateForECDsa(own), Now, Now + TimeSpan.FromDays(1),
                [1]);
    }
}
