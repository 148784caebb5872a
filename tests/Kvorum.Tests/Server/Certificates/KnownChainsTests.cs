using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Kvorum.Server.Certificates;
using Kvorum.Tests.Server.Tls;

namespace Kvorum.Tests.Server.Certificates;

/// <summary>Whatever is known already, the verdict is that of the full check.</summary>
public class KnownChainsTests
{
    private static readonly DateTimeOffset Now = new(2030, 5, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Year = TimeSpan.FromDays(365);

    private static readonly X509Certificate2 Root = TlsFolder.AnyAuthority("Root", Now, Year);
    private static readonly X509Certificate2 Alice = Signed(Root, CertificateRole.Client, "alice");

    private readonly Authorities _all = new([Root], []);

    [Fact]
    public void A_chain_that_was_believed_is_not_built_again()
    {
        var known = new KnownChains(_all);
        for (var n = 0; n < 3; n++)
        {
            // As a connection has it: another object each time.
            using var shown = X509CertificateLoader.LoadCertificate(Alice.RawData);
            Assert.Equal(new(CertificateRole.Client, "alice"), known.Judge(shown, [], false, Now).Name);
        }

        Assert.Equal(1, known.Judged);
    }

    [Fact]
    public void It_is_refused_before_and_after_the_time_of_each_certificate_of_its_chain()
    {
        using var middle = TlsFolder.AnyAuthority(
            "Between", Now + TimeSpan.FromDays(1), TimeSpan.FromDays(9), Root);
        using var leaf = Signed(middle, CertificateRole.Client, "bob", days: 90);
        var known = new KnownChains(_all);
        for (var days = 0; days < 14; days++)
            AgreesAt(Now + TimeSpan.FromDays(days));
        foreach (var end in new[] { middle.NotBefore, middle.NotAfter, leaf.NotAfter })
        {
            for (var seconds = -1; seconds <= 1; seconds++)
                AgreesAt(new DateTimeOffset(end) + TimeSpan.FromSeconds(seconds));
        }

        Assert.Equal(1, known.Count);
        var inTime = known.Judge(leaf, [middle], false, Now + TimeSpan.FromDays(2));
        Assert.Equal(new DateTimeOffset(middle.NotBefore), inTime.From);
        Assert.Equal(new DateTimeOffset(middle.NotAfter), inTime.Until);

        void AgreesAt(DateTimeOffset at) => Assert.Equal(
            _all.Judge(leaf, [middle], false, at).Why, known.Judge(leaf, [middle], false, at).Why);
    }

    [Fact]
    public void What_is_shown_otherwise_is_judged_anew()
    {
        using var middle = TlsFolder.AnyAuthority("Between", Now, Year, Root);
        using var leaf = Signed(middle, CertificateRole.Client, "bob");
        using var renewed = Signed(middle, CertificateRole.Client, "bob");
        var known = new KnownChains(_all);
        Assert.Null(known.Judge(leaf, [middle], false, Now).Why);
        // For another use, and another one of the same name.
        Assert.NotNull(known.Judge(leaf, [middle], true, Now).Why);
        Assert.NotNull(known.Judge(renewed, [], false, Now).Why);
        Assert.Null(known.Judge(renewed, [middle], false, Now).Why);
        Assert.Equal(4, known.Judged);
        Assert.Equal(2, known.Count);
    }

    /// <summary>A resumed session shows the certificate alone.</summary>
    [Fact]
    public void What_lies_between_need_not_be_shown_again_under_the_same_files()
    {
        using var middle = TlsFolder.AnyAuthority("Between", Now, TimeSpan.FromDays(9), Root);
        using var leaf = Signed(middle, CertificateRole.Client, "bob");
        var known = new KnownChains(_all);
        Assert.Contains(
            "by no CA of the CA file", known.Judge(leaf, [], false, Now).Why!, StringComparison.Ordinal);
        Assert.Null(known.Judge(leaf, [middle], false, Now).Why);
        Assert.Null(known.Judge(leaf, [], false, Now).Why);
        Assert.Null(known.Judge(leaf, [], false, Now).Why);
        Assert.Equal(3, known.Judged);
        Assert.NotNull(known.Judge(leaf, [], true, Now).Why);
        Assert.Contains(
            "has expired", known.Judge(leaf, [], false, Now + TimeSpan.FromDays(10)).Why!,
            StringComparison.Ordinal);
        Assert.NotNull(new KnownChains(_all).Judge(leaf, [], false, Now).Why);
        using var other = TlsFolder.AnyAuthority("Root", Now, Year);
        Assert.NotNull(new KnownChains(new([other], [])).Judge(leaf, [middle], false, Now).Why);
    }

    [Fact]
    public void Another_cluster_s_and_a_forged_one_are_refused_however_often_they_come()
    {
        using var twin = TlsFolder.AnyAuthority("Root", Now, Year);
        using var foreign = Signed(twin, CertificateRole.Client, "alice");
        using var forged = X509CertificateLoader.LoadCertificate(Changed(Alice.RawData));
        var known = new KnownChains(_all);
        Assert.Null(known.Judge(Alice, [], false, Now).Why);
        for (var n = 0; n < 3; n++)
        {
            Assert.Contains(
                "by no CA of the CA file", known.Judge(foreign, [], false, Now).Why!,
                StringComparison.Ordinal);
            Assert.Contains(
                "by no CA of the CA file", known.Judge(foreign, [twin], false, Now).Why!,
                StringComparison.Ordinal);
            Assert.NotNull(known.Judge(forged, [], false, Now).Why);
        }

        Assert.Equal(1, known.Count);
    }

    [Fact]
    public void Nobody_s_certificate_is_not_kept()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=nobody", key, HashAlgorithmName.SHA256);
        using var nobody = request.Create(Root, Now, Now + TimeSpan.FromDays(9), [1]);
        var known = new KnownChains(_all);
        Assert.Null(known.Judge(nobody, [], false, Now).Name);
        Assert.Equal(0, known.Count);
    }

    [Fact]
    public void Their_number_has_a_bound()
    {
        var known = new KnownChains(_all, generationMax: 4);
        for (var n = 0; n < 20; n++)
        {
            using var one = Signed(Root, CertificateRole.Client, $"c{n}");
            Assert.Null(known.Judge(one, [], false, Now).Why);
            Assert.InRange(known.Count, 1, 8);
        }
    }

    // The last byte is one of its signature.
    private static byte[] Changed(byte[] der)
    {
        var changed = (byte[])der.Clone();
        changed[^1] ^= 1;
        return changed;
    }

    private static X509Certificate2 Signed(
        X509Certificate2 by, CertificateRole role, string name, double days = 100) =>
        CertificateMaker.Issue(by, new(role, name), ["localhost"], Now, TimeSpan.FromDays(days));
}
