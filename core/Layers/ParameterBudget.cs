namespace Hybrid.Layers;

/// <summary>While a model is made from a file's settings: how many trained numbers it may have, which is how many the file holds.</summary>
internal static class ParameterBudget
{
    [ThreadStatic]
    private static long? left;

    /// <summary>Makes a model that may have so many trained numbers.</summary>
    /// <exception cref="ParameterBudgetException">It would have more.</exception>
    internal static TModel Within<TModel>(long numbers, Func<TModel> make)
    {
        left = numbers;
        try
        {
            return make();
        }
        finally
        {
            left = null;
        }
    }

    /// <summary>Takes some.</summary>
    internal static void Take(long numbers)
    {
        if (numbers > left) throw new ParameterBudgetException();
        left -= numbers;
    }
}

/// <summary>A file's settings ask for a larger model than the file holds.</summary>
internal sealed class ParameterBudgetException : Exception;
