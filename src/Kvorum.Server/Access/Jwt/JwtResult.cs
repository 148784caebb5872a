using System.Diagnostics.CodeAnalysis;

namespace Kvorum.Server.Access.Jwt;

/// <summary>What became of a token: whom it names, or why it is refused. Immutable.</summary>
internal sealed record JwtResult
{
    private JwtResult()
    {
    }

    /// <summary>True if the token names somebody.</summary>
    [MemberNotNullWhen(true, nameof(Name))]
    [MemberNotNullWhen(false, nameof(Why))]
    public bool IsAccepted => Name is not null;

    /// <summary>Whom it names.</summary>
    public string? Name { get; private init; }

    /// <summary>Roles that it lists, each once.</summary>
    public IReadOnlyList<string> Roles { get; private init; } = [];

    /// <summary>When it ends. It is accepted for the clock skew longer.</summary>
    public DateTimeOffset Expires { get; private init; }

    /// <summary>
    /// Why it is refused, for the log only: whoever sent it hears <see cref="JwtVerifier.Refusal"/>.
    /// </summary>
    public string? Why { get; private init; }

    public static JwtResult Accepted(string name, IReadOnlyList<string> roles, DateTimeOffset expires) =>
        new() { Name = name, Roles = roles, Expires = expires };

    public static JwtResult Refused(string why) => new() { Why = why };
}
