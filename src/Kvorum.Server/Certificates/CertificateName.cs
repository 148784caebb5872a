using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;

namespace Kvorum.Server.Certificates;

/// <summary>What a certificate makes its holder.</summary>
public enum CertificateRole
{
    /// <summary>A node of the cluster: it may speak with other nodes.</summary>
    Node,

    /// <summary>A client.</summary>
    Client,
}

/// <summary>
/// Who a certificate names: its one URI of the form <c>kvorum:node/NAME</c> or <c>kvorum:client/NAME</c>
/// among the alternative names (RFC 5280, 4.2.1.6), NAME percent-encoded. Every CA can set such a name.
/// </summary>
/// <param name="Role">What it makes its holder.</param>
/// <param name="Name">Of the node, or of the client.</param>
public sealed record CertificateName(CertificateRole Role, string Name)
{
    /// <summary>Greatest length of a name, in characters.</summary>
    public const int NameMax = 64;

    private const string Scheme = "kvorum:";
    private const string AlternativeNames = "2.5.29.17";

    // uniformResourceIdentifier [6]
    private static readonly Asn1Tag UriTag = new(TagClass.ContextSpecific, 6);

    /// <summary>As it stands in a certificate.</summary>
    public Uri ToUri() => new($"{Scheme}{RoleText(Role)}/{Uri.EscapeDataString(Name)}");

    /// <inheritdoc/>
    public override string ToString() => $"{RoleText(Role)} {Name}";

    /// <summary>Who the certificate names; null with a reason if it is nobody, or not one alone.</summary>
    public static CertificateName? Of(X509Certificate2 certificate, out string why)
    {
        string[] uris;
        try
        {
            uris = [.. Uris(certificate).Where(
                static uri => uri.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))];
        }
        catch (AsnContentException)
        {
            why = "its alternative names are malformed";
            return null;
        }

        why = uris.Length switch
        {
            0 => "it has no role: no kvorum:node/NAME or kvorum:client/NAME among its alternative names",
            1 => $"its alternative name '{uris[0]}' is no kvorum:node/NAME and no kvorum:client/NAME",
            _ => $"it has {uris.Length} kvorum: names, and one is allowed",
        };
        return uris.Length == 1 ? Parse(uris[0][Scheme.Length..]) : null;
    }

    private static string RoleText(CertificateRole role) => role == CertificateRole.Node ? "node" : "client";

    private static CertificateName? Parse(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0)
            return null;
        CertificateRole? role = text[..slash] switch
        {
            "node" => CertificateRole.Node,
            "client" => CertificateRole.Client,
            _ => null,
        };
        var name = Uri.UnescapeDataString(text[(slash + 1)..]);
        return role is { } known && name.Length is > 0 and <= NameMax
            && !name.EnumerateRunes().Any(ShownText.IsHidden)
            ? new(known, name) : null;
    }

    private static List<string> Uris(X509Certificate2 certificate)
    {
        List<string> found = [];
        foreach (var extension in certificate.Extensions.Where(
            static one => one.Oid?.Value == AlternativeNames))
        {
            var names = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
            while (names.HasData)
            {
                if (names.PeekTag().HasSameClassAndValue(UriTag))
                    found.Add(names.ReadCharacterString(UniversalTagNumber.IA5String, UriTag));
                else
                    names.ReadEncodedValue();
            }
        }

        return found;
    }
}
