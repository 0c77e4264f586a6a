namespace Hybrid.Layers;

/// <summary>The fixed positional encoding of the Transformer (Vaswani et al. 2017, section 3.5).</summary>
public static class SinusoidalPositions
{
    /// <summary>The table of encodings, [positions, features], persistent; feature pairs hold sine and cosine of one frequency.</summary>
    /// <exception cref="ShapeException">The number of features is odd: sines and cosines come in pairs.</exception>
    public static Tensor<T> Table<T>(int positions, int features) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (features % 2 != 0) throw new ShapeException($"sinusoidal positions need an even number of features, got {features}.");
        var table = Tensor<T>.Zeros(new Shape(positions, features));
        var row = table.Span;
        for (var position = 0; position < positions; position++)
            for (var pair = 0; pair < features / 2; pair++)
            {
                var angle = position / Math.Pow(10000, 2.0 * pair / features);
                // PE-1: sin(pos / 10000^(2i/d))
                row[position * features + 2 * pair] = T.CreateChecked(Math.Sin(angle));
                // PE-2: cos(pos / 10000^(2i/d))
                row[position * features + 2 * pair + 1] = T.CreateChecked(Math.Cos(angle));
            }
        return table;
    }
}
