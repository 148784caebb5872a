using Kvorum.Server.Certificates;

namespace Kvorum.Server;

/// <summary>By which means it is known who is at the other end of a connection.</summary>
public enum IdentityMeans
{
    /// <summary>By none: the connection is plain.</summary>
    Plain,

    /// <summary>By none: it is encrypted, and the client shows no certificate.</summary>
    Anonymous,

    /// <summary>By a certificate that a CA of the cluster has signed.</summary>
    Certificate,

    /// <summary>By an API key of a user.</summary>
    ApiKey,

    /// <summary>By a signed token, which names its roles.</summary>
    Jwt,
}

/// <summary>
/// Who is at the other end of a connection. Every front end has it for each connection: the native protocol
/// as a property, gRPC and HTTP as a feature of the connection and so of each request. What is known by other
/// means than the connection, such as a token in a request, is added there.
/// </summary>
/// <param name="Means">By which means it is known.</param>
/// <param name="Name">Role and name; null if it is not known.</param>
public sealed record ConnectionIdentity(IdentityMeans Means, CertificateName? Name)
{
    /// <summary>A plain connection.</summary>
    public static ConnectionIdentity Plain { get; } = new(IdentityMeans.Plain, null);

    /// <summary>An encrypted connection of an unknown client.</summary>
    public static ConnectionIdentity Anonymous { get; } = new(IdentityMeans.Anonymous, null);

    /// <summary>How a means is called, in whatever tells of it.</summary>
    public static string NameOf(IdentityMeans means) => means switch
    {
        IdentityMeans.Plain or IdentityMeans.Anonymous => "none",
        IdentityMeans.Certificate => "certificate",
        IdentityMeans.ApiKey => "api_key",
        IdentityMeans.Jwt => "jwt",
        _ => throw new ArgumentOutOfRangeException(nameof(means), means, null),
    };

    /// <summary>True for a node of the cluster.</summary>
    public bool IsNode => Name is { Role: CertificateRole.Node };
}
