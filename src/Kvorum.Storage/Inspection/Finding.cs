namespace Kvorum.Storage.Inspection;

/// <summary>What an inspection found in one file or folder.</summary>
/// <param name="File">Path below the data folder.</param>
/// <param name="Kind">How bad it is.</param>
/// <param name="Text">The finding; for damage with offset and remedy.</param>
public sealed record Finding(string File, FindingKind Kind, string Text);

/// <summary>How bad a finding is.</summary>
public enum FindingKind
{
    /// <summary>In order.</summary>
    Sound,

    /// <summary>Harmless: something that the next start cuts, removes or ignores.</summary>
    Note,

    /// <summary>Undamaged, but an operator must decide how the node goes on.</summary>
    Decision,

    /// <summary>Damage: a start refuses it, or a read of it fails.</summary>
    Damage,
}
