using Kvorum.Server.Access.Jwt;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Hosting;

/// <summary>What <see cref="ServerOptions"/> must obey where clients show JSON Web Tokens.</summary>
internal static class JwtRules
{
    private const int TextMax = 1024;

    /// <summary>What is wrong, a sentence each with flag, value and remedy.</summary>
    public static void Check(ServerOptions o, List<string> broken)
    {
        (string Flag, string Value)[] needed =
            [("--jwt-issuer", o.JwtIssuer), ("--jwt-audience", o.JwtAudience), ("--jwt-keys", o.JwtKeys)];
        string[] missing = [.. needed.Where(static one => one.Value.Length == 0).Select(
            static one => one.Flag)];
        if (missing.Length is > 0 and < 3)
        {
            broken.Add(
                $"{string.Join(" and ", missing)} is missing: --jwt-issuer, --jwt-audience and --jwt-keys go "
                + "together");
        }

        CheckTexts(o, needed, broken);
        if (JwtOptions.IsUrl(o.JwtKeys) && JwtOptions.UrlOf(o.JwtKeys) is null)
        {
            broken.Add(
                $"--jwt-keys '{o.JwtKeys}': give a file, or a URL with https (http for this machine only), "
                + "without a password and without '#'");
        }

        var algorithms = Algorithms(o);
        if (algorithms.Length == 0 || algorithms.Except(JwtOptions.AlgorithmsKnown).Any())
        {
            broken.Add(
                $"--jwt-algorithms '{o.JwtAlgorithms}': give some of "
                + $"{string.Join(',', JwtOptions.AlgorithmsKnown)}; tokens without a signature, or with one "
                + "by a shared secret, are never accepted");
        }

        ServerOptionsRules.Bounded(
            broken, "--jwt-clock-skew", o.JwtClockSkew, TimeSpan.Zero, JwtOptions.ClockSkewMax);
    }

    /// <summary>What checks tokens; null where none are accepted.</summary>
    public static JwtVerifier? Verifier(ServerOptions o, ILogger log)
    {
        if (o.JwtIssuer.Length == 0)
            return null;
        try
        {
            return new(Options(o), TimeProvider.System, log);
        }
        catch (JwtKeysException e)
        {
            throw new ServerStartException(e.Message);
        }
    }

    /// <summary>What the flags ask of a token.</summary>
    public static JwtOptions Options(ServerOptions o) => new()
    {
        Issuer = o.JwtIssuer,
        Audience = o.JwtAudience,
        Keys = o.JwtKeys,
        Algorithms = Algorithms(o),
        ClockSkew = o.JwtClockSkew,
        NameClaim = o.JwtNameClaim,
        RolesClaim = o.JwtRolesClaim,
    };

    private static string[] Algorithms(ServerOptions o) => o.JwtAlgorithms.Split(
        ',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    private static void CheckTexts(
        ServerOptions o, (string Flag, string Value)[] needed, List<string> broken)
    {
        foreach (var (flag, value) in needed)
        {
            if (value.Length > TextMax || value.Any(char.IsControl))
            {
                broken.Add(
                    $"{flag}: it has {value.Length} characters: give at most {TextMax}, no control "
                    + "characters");
            }
        }

        foreach (var (flag, claim) in new[]
        {
            ("--jwt-name-claim", o.JwtNameClaim), ("--jwt-roles-claim", o.JwtRolesClaim),
        })
        {
            if (claim.Length is 0 or > TextMax || claim.Any(char.IsControl))
                broken.Add($"{flag} '{claim}': give the name of a claim, such as sub or roles");
        }
    }
}
