namespace Hybrid.Text;

/// <summary>Sequences of ids of different lengths, filled up with padding to one matrix.</summary>
public sealed class TokenBatch
{
    /// <summary>Packs sequences into a matrix.</summary>
    /// <exception cref="ArgumentException">There is no sequence.</exception>
    public TokenBatch(IReadOnlyList<int[]> sequences)
    {
        if (sequences.Count == 0) throw new ArgumentException("A batch needs at least one sequence.", nameof(sequences));
        Lengths = [.. sequences.Select(sequence => sequence.Length)];
        var time = Lengths.Max();
        Shape = new Shape(sequences.Count, time);
        Ids = new int[Shape.Length];
        Array.Fill(Ids, Vocabulary.Padding);
        for (var i = 0; i < sequences.Count; i++) sequences[i].CopyTo(Ids, i * time);
    }

    /// <summary>[batch, time], the longest sequence deciding.</summary>
    public Shape Shape { get; }

    /// <summary>All ids, row by row.</summary>
    public int[] Ids { get; }

    /// <summary>Length of each sequence without its padding.</summary>
    public int[] Lengths { get; }

    /// <summary>True if some sequence is shorter than the matrix is wide.</summary>
    public bool HasPadding => Lengths.Any(length => length < Shape[1]);
}
