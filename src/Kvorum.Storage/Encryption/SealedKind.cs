namespace Kvorum.Storage.Encryption;

/// <summary>What is encrypted: equal seals of two kinds give different keys.</summary>
internal enum SealedKind
{
    /// <summary>Frames of the log.</summary>
    Log,

    /// <summary>A table.</summary>
    Table,

    /// <summary>A manifest.</summary>
    Manifest,
}
