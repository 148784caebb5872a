using System.Net;

namespace Kvorum.Server.Audit;

/// <summary>What became of it.</summary>
internal enum AuditResult
{
    /// <summary>It was done.</summary>
    Ok,

    /// <summary>It was not done, and will not be.</summary>
    Refused,

    /// <summary>It may have been done, or be done yet.</summary>
    Unknown,
}

/// <summary>
/// What somebody did, for the audit log. All text may come from strangers: it is cut and escaped when it is
/// written.
/// </summary>
/// <param name="Action">What, in snake_case: log_in, create_keyspace.</param>
/// <param name="Result">What became of it.</param>
internal sealed record AuditEvent(string Action, AuditResult Result)
{
    /// <summary>Role and name, such as "client alice"; empty if it is not known.</summary>
    public string Who { get; init; } = "";

    /// <summary>By which means it is known who: <see cref="ConnectionIdentity.NameOf"/>.</summary>
    public string By { get; init; } = ConnectionIdentity.NameOf(IdentityMeans.Plain);

    /// <summary>The protocol: tls, native, grpc, http, peer; empty for the node itself.</summary>
    public string Via { get; init; } = "";

    /// <summary>The address at the other end; empty if there is none.</summary>
    public string From { get; init; } = "";

    /// <summary>To what: "keyspace orders", "member node-3", the flag of a listener.</summary>
    public string On { get; init; } = "";

    /// <summary>A key that it was about, any bytes; null if it was about none.</summary>
    public ReadOnlyMemory<byte>? Key { get; init; }

    /// <summary>Why it became so.</summary>
    public string Reason { get; init; } = "";

    /// <summary>The whole change as JSON; empty if there is nothing more to tell.</summary>
    public ReadOnlyMemory<byte> Change { get; init; }

    /// <summary>How many attempts in a row have failed from there, this one included; 0 if none.</summary>
    public int Attempts { get; init; }

    /// <summary>With who is at the other end of a connection, and where.</summary>
    public AuditEvent Of(ConnectionIdentity identity, EndPoint? from) => this with
    {
        Who = identity.Name?.ToString() ?? "",
        By = ConnectionIdentity.NameOf(identity.Means),
        From = from is IPEndPoint { Address.IsIPv4MappedToIPv6: true } mapped
            ? new IPEndPoint(mapped.Address.MapToIPv4(), mapped.Port).ToString() : from?.ToString() ?? "",
    };
}
